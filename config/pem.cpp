#include "config/pem.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

namespace linewatch::config {

namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::unique_ptr<BIO, BioFree> bio_of(std::string_view text) {
  return std::unique_ptr<BIO, BioFree>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without a callback of its own OpenSSL asks the terminal.
int no_passphrase(char*, int, int, void* asked) {
  if (asked) *static_cast<bool*>(asked) = true;
  return -1;
}

template <class T>
std::expected<std::vector<Pem<T>>, std::string> all(std::string_view text, std::string_view what,
                                                    std::string_view begin,
                                                    T* (*read)(BIO*, T**, pem_password_cb*, void*)) {
  const auto bio = bio_of(text);
  std::vector<Pem<T>> out;
  ERR_clear_error();
  while (Pem<T> one{read(bio.get(), nullptr, no_passphrase, nullptr)}) out.push_back(std::move(one));
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) {
    return std::unexpected(
        fmt::format("holds something broken in place of its {} number {}", what, out.size() + 1));
  }
  if (out.empty()) return std::unexpected(fmt::format("holds no {} (PEM, {})", what, begin));
  return out;
}

}  // namespace

std::expected<std::vector<Pem<X509>>, std::string> pem_certificates(std::string_view text) {
  return all<X509>(text, "certificate", "-----BEGIN CERTIFICATE-----", PEM_read_bio_X509);
}

std::expected<std::vector<Pem<X509_CRL>>, std::string> pem_revocations(std::string_view text) {
  return all<X509_CRL>(text, "revocation list", "-----BEGIN X509 CRL-----", PEM_read_bio_X509_CRL);
}

std::expected<Pem<EVP_PKEY>, std::string> pem_private_key(const Secret& text) {
  bool encrypted = false;
  const auto bio = bio_of(text.reveal());
  Pem<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, &encrypted));
  ERR_clear_error();
  if (key) return key;
  if (encrypted) return std::unexpected("holds a key under a passphrase, which nobody is there to type");
  return std::unexpected("holds no private key that can be read (PEM, -----BEGIN PRIVATE KEY-----)");
}

}  // namespace linewatch::config
