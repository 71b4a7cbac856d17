#include "aggregator/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cstring>
#include <utility>

#include "config/pem.hpp"
#include "config/problem.hpp"

namespace linewatch::aggregator {

namespace asio = boost::asio;
using config::in_quotes;
using config::TlsSettings;
using connection::Error;
using connection::ErrorCode;
using connection::fail;
using connection::Phase;
using connection::Result;

namespace {

// 112 bits at least: RSA of 2048, no SHA-1, no TLS below 1.2.
constexpr int security_level = 2;
constexpr const char* psk_suites =
    "kECDHEPSK+AESGCM:kECDHEPSK+CHACHA20:kPSK+AESGCM:kPSK+CHACHA20:kECDHEPSK+AES:kPSK+AES:!AESCCM8";
// A key from a file goes with SHA-256 in TLS 1.3.
constexpr const char* psk_suites_13 = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";

// In OpenSSL's numbers an alert of the other side is its own number and so much.
constexpr int alert_base = SSL_AD_REASON_OFFSET;

int place_in_context() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::string last_openssl_error() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason ? reason : "unknown error";
}

// As RFC 4514 says it, the most specific part first and UTF-8 as it is: so Zabbix compares names.
std::string spelled(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  constexpr unsigned long spelling = XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  X509_NAME_print_ex(out.get(), name, 0, spelling);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "";
}

bool is_close(const boost::system::error_code& error) {
  return error == asio::error::eof || error == asio::error::connection_reset ||
         error == asio::error::broken_pipe || error == asio::ssl::error::stream_truncated;
}

}  // namespace

std::shared_ptr<Tls> Tls::make(const TlsSettings& settings) {
  if (settings.connect == TlsSettings::Connect::unencrypted) return nullptr;
  return std::make_shared<Tls>(settings);
}

Tls::Tls(TlsSettings settings) : settings_(std::move(settings)), context_(asio::ssl::context::tls_client) {
  SSL_CTX* const context = context_.native_handle();
  ERR_clear_error();
  SSL_CTX_set_ex_data(context, place_in_context(), this);
  SSL_CTX_set_security_level(context, security_level);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // For a pre-shared key too: no authority is known then, so that no certificate can stand in for the key.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  trouble_ = psk() ? prepare_psk() : prepare_certificates();
}

Result<asio::ssl::context*> Tls::use() {
  if (!trouble_.empty()) return fail(ErrorCode::not_supported, Phase::key_exchange, trouble_);
  return &context_;
}

std::string Tls::prepare_psk() {
  SSL_CTX* const context = context_.native_handle();
  SSL_CTX_set_psk_client_callback(context, tell_psk);
  if (SSL_CTX_set_cipher_list(context, psk_suites) == 1 &&
      SSL_CTX_set_ciphersuites(context, psk_suites_13) == 1)
    return "";
  return "TLS has no cipher suite for pre-shared keys: " + last_openssl_error();
}

unsigned Tls::tell_psk(SSL* session, const char*, char* identity, unsigned identity_room, unsigned char* key,
                       unsigned key_room) {
  const auto* self =
      static_cast<const Tls*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), place_in_context()));
  const std::string& name = self->settings_.psk_identity;
  if (name.size() + 1 > identity_room) return 0;
  std::memcpy(identity, name.c_str(), name.size() + 1);
  std::size_t size = 0;
  if (OPENSSL_hexstr2buf_ex(key, key_room, &size, self->settings_.psk.reveal().c_str(), '\0') != 1) return 0;
  return static_cast<unsigned>(size);
}

std::string Tls::prepare_certificates() {
  SSL_CTX* const context = context_.native_handle();
  const std::string where = "tls.cert_file " + settings_.cert_file.string();
  const auto own = config::pem_certificates(settings_.cert);
  if (!own) return fmt::format("{} {}", where, own.error());
  const auto key = config::pem_private_key(settings_.key);
  if (!key) return fmt::format("tls.key_file {} {}", settings_.key_file.string(), key.error());
  if (SSL_CTX_use_certificate(context, own->front().get()) != 1)
    return fmt::format("{} cannot be used: {}", where, last_openssl_error());
  for (std::size_t i = 1; i < own->size(); ++i) SSL_CTX_add1_chain_cert(context, (*own)[i].get());
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1)
    return fmt::format("tls.key_file {} cannot be used: {}", settings_.key_file.string(),
                       last_openssl_error());
  return prepare_trust();
}

std::string Tls::prepare_trust() {
  X509_STORE* const store = SSL_CTX_get_cert_store(context_.native_handle());
  const auto authorities = config::pem_certificates(settings_.ca);
  if (!authorities) return fmt::format("tls.ca_file {} {}", settings_.ca_file.string(), authorities.error());
  for (const auto& one : *authorities) X509_STORE_add_cert(store, one.get());
  if (settings_.crl.empty()) return "";
  const auto revoked = config::pem_revocations(settings_.crl);
  if (!revoked) return fmt::format("tls.crl_file {} {}", settings_.crl_file.string(), revoked.error());
  for (const auto& one : *revoked) X509_STORE_add_crl(store, one.get());
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return "";
}

Result<void> Tls::check_server(SSL* session, const std::string& node) const {
  const X509* const certificate = SSL_get0_peer_certificate(session);
  if (psk()) {
    if (!certificate) return {};
    return fail(ErrorCode::host_key, Phase::key_exchange, node + " showed a certificate in place of the PSK");
  }
  if (!certificate) return fail(ErrorCode::host_key, Phase::key_exchange, node + " showed no certificate");
  const auto compare = [&](const X509_NAME* name, const std::string& wanted, const char* what,
                           const char* setting) -> Result<void> {
    const std::string found = spelled(name);
    if (wanted.empty() || found == wanted) return {};
    return fail(ErrorCode::host_key, Phase::key_exchange,
                fmt::format("the certificate of {} has the {} {}, not {} (tls.{})", node, what,
                            in_quotes(found), in_quotes(wanted), setting));
  };
  Result<void> right = compare(X509_get_issuer_name(certificate), settings_.server_cert_issuer, "issuer",
                               "server_cert_issuer");
  if (!right) return right;
  return compare(X509_get_subject_name(certificate), settings_.server_cert_subject, "subject",
                 "server_cert_subject");
}

std::string Tls::silence_means() const {
  if (psk())
    return fmt::format("PSK identity {} is unknown there, its key is another, or no PSK is accepted",
                       in_quotes(settings_.psk_identity));
  return fmt::format("the certificate in {} is not accepted there, or no certificates are",
                     settings_.cert_file.string());
}

Error Tls::failure(SSL* session, const std::string& node, const boost::system::error_code& error) const {
  const Phase phase = Phase::key_exchange;
  const bool by_openssl = error.category() == asio::error::get_ssl_category();
  const int reason = by_openssl ? ERR_GET_REASON(static_cast<unsigned long>(error.value())) : 0;
  const long verified = SSL_get_verify_result(session);
  if (by_openssl && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    if (psk())
      return {ErrorCode::host_key, phase,
              fmt::format("{} showed a certificate in place of the PSK ({})", node, silence_means())};
    const auto& file = verified == X509_V_ERR_CERT_REVOKED || verified == X509_V_ERR_CRL_HAS_EXPIRED ||
                               verified == X509_V_ERR_UNABLE_TO_GET_CRL
                           ? settings_.crl_file
                           : settings_.ca_file;
    return {ErrorCode::host_key, phase,
            fmt::format("the certificate of {} is not accepted: {} (by {})", node,
                        X509_verify_cert_error_string(verified), file.string())};
  }
  if (is_close(error))
    return {ErrorCode::authentication, phase,
            fmt::format("{} closed the connection in the TLS handshake ({})", node, silence_means())};
  if (reason == alert_base + SSL_AD_PROTOCOL_VERSION || reason == SSL_R_UNSUPPORTED_PROTOCOL)
    return {ErrorCode::protocol, phase, node + " speaks no TLS of version 1.2 or 1.3"};
  if (reason > alert_base && reason < alert_base + 256)
    return {ErrorCode::authentication, phase,
            fmt::format("{} refused TLS: {} ({})", node, SSL_alert_desc_string_long(reason - alert_base),
                        silence_means())};
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG)
    return {ErrorCode::protocol, phase, node + " answers, but not in TLS (is it a Zabbix trapper?)"};
  return {ErrorCode::protocol, phase, fmt::format("TLS with {} failed: {}", node, error.message())};
}

}  // namespace linewatch::aggregator
