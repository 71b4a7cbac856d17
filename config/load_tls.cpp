// zabbix.tls and that of a single server: its files are read here, so that an edit of any is a change of the
// configuration, and checked as far as they can be without the server.

#include <fmt/format.h>
#include <openssl/x509.h>

#include <ctime>

#include "config/file.hpp"
#include "config/loading.hpp"
#include "config/pem.hpp"

namespace linewatch::config {

namespace {

// Revocation lists of large authorities have megabytes.
constexpr std::size_t largest_pem = 16U << 20;

std::string day(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "a day that it does not say rightly";
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

// What is wrong with the times within which it holds; empty: nothing. Null for `end`: for ever.
std::string untimely(const ASN1_TIME* begin, const ASN1_TIME* end) {
  if (begin && X509_cmp_current_time(begin) > 0) return "is not valid before " + day(begin);
  if (end && X509_cmp_current_time(end) < 0) return "has expired on " + day(end);
  return "";
}

bool read_pem(Reader& tls, std::string_view key, const Source& source, std::filesystem::path& path,
              std::string& text) {
  auto file = read_named_file(tls, key, source, largest_pem, path);
  if (file) text = std::move(file->text);
  return file.has_value();
}

std::vector<Pem<X509>> read_certificates(Reader& tls, std::string_view key, const Source& source,
                                         std::filesystem::path& path, std::string& text) {
  if (!read_pem(tls, key, source, path, text)) return {};
  auto found = pem_certificates(text);
  if (!found) {
    tls.error(key, fmt::format("{} {}", path.string(), found.error()));
    return {};
  }
  for (const auto& one : *found) {
    const std::string why = untimely(X509_get0_notBefore(one.get()), X509_get0_notAfter(one.get()));
    if (why.empty()) continue;
    tls.warning(key, fmt::format("a certificate in {} {}", path.string(), why));
    break;
  }
  return std::move(*found);
}

void read_revocations(Reader& tls, const Source& source, TlsSettings& out) {
  if (!read_pem(tls, "crl_file", source, out.crl_file, out.crl)) return;
  const auto found = pem_revocations(out.crl);
  if (!found) return tls.error("crl_file", fmt::format("{} {}", out.crl_file.string(), found.error()));
  for (const auto& one : *found) {
    const std::string why =
        untimely(X509_CRL_get0_lastUpdate(one.get()), X509_CRL_get0_nextUpdate(one.get()));
    if (why.empty()) continue;
    tls.warning("crl_file", fmt::format("a revocation list in {} {}; no certificate of its issuer is "
                                        "accepted until there is a newer one",
                                        out.crl_file.string(), why));
    break;
  }
}

void read_own_certificate(Reader& tls, const Source& source, TlsSettings& out) {
  const auto certificates = read_certificates(tls, "cert_file", source, out.cert_file, out.cert);
  auto file = read_named_file(tls, "key_file", source, largest_secret, out.key_file);
  if (!file) return;
  const std::string shown = out.key_file.string();
  if (file->mode & readable_by_others)
    tls.warning("key_file", fmt::format("{0} is readable by others (chmod 600 {0})", shown));
  out.key = Secret(std::move(file->text));
  const auto key = pem_private_key(out.key);
  if (!key) return tls.error("key_file", fmt::format("{} {}", shown, key.error()));
  if (!certificates.empty() && X509_check_private_key(certificates.front().get(), key->get()) != 1) {
    tls.error("key_file",
              fmt::format("{} is not the key of the first certificate in {}", shown, out.cert_file.string()));
  }
}

void read_psk(Reader& tls, const Source& source, TlsSettings& out) {
  read_line_of_text(tls, "psk_identity", out.psk_identity, 128);
  std::string text;
  if (!read_line_of_text(tls, "psk_file", text, 4096)) return;
  out.psk_file = beside(source.path, text);
  auto psk = read_secret_file(tls, "psk_file", out.psk_file);
  if (!psk) return;
  const std::string& digits = psk->reveal();
  const bool hexadecimal = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (!hexadecimal || digits.size() % 2 != 0 || digits.size() < 32 || digits.size() > 512) {
    tls.error("psk_file", fmt::format("{} must hold 32 to 512 hexadecimal digits, an even number of them",
                                      out.psk_file.string()));
  }
  out.psk = std::move(*psk);
}

void check_complete(Reader& tls, TlsSettings::Connect connect) {
  using Connect = TlsSettings::Connect;
  if (connect == Connect::psk) {
    for (const char* key : {"psk_identity", "psk_file"})
      tls.required(key, "connect: psk needs psk_identity and psk_file");
  }
  if (connect == Connect::cert) {
    for (const char* key : {"ca_file", "cert_file", "key_file"})
      tls.required(key, "connect: cert needs ca_file, cert_file and key_file");
  }
  if (tls.written("connect")) return;
  for (const char* key : {"psk_identity", "psk_file", "ca_file", "cert_file", "key_file"}) {
    if (!tls.written(key)) continue;
    return tls.error(key, "means nothing without connect (write connect: psk or connect: cert)");
  }
}

}  // namespace

void read_tls(Reader& around, const Source& source, TlsSettings& out) {
  if (!around.written("tls")) return;
  Reader tls(around, "tls", around.find("tls"));
  using Connect = TlsSettings::Connect;
  out = {};
  tls.word("connect", out.connect,
           {{"unencrypted", Connect::unencrypted}, {"psk", Connect::psk}, {"cert", Connect::cert}});
  read_psk(tls, source, out);
  read_certificates(tls, "ca_file", source, out.ca_file, out.ca);
  read_own_certificate(tls, source, out);
  read_revocations(tls, source, out);
  read_line_of_text(tls, "server_cert_subject", out.server_cert_subject, 1024);
  read_line_of_text(tls, "server_cert_issuer", out.server_cert_issuer, 1024);
  check_complete(tls, out.connect);
  tls.finish();
}

}  // namespace linewatch::config
