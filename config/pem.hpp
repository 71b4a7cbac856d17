#pragma once
// PEM texts as OpenSSL's objects: what zabbix.tls names is checked with them by the loader and used by the
// aggregator. Pure; nothing here asks anybody for a passphrase or says what a key holds.

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/secret.hpp"

namespace linewatch::config {

struct PemFree {
  void operator()(X509* object) const { X509_free(object); }
  void operator()(X509_CRL* object) const { X509_CRL_free(object); }
  void operator()(EVP_PKEY* object) const { EVP_PKEY_free(object); }
};
template <class T>
using Pem = std::unique_ptr<T, PemFree>;

// All that the text holds, in its order; what stands between them is skipped. The error is a clause that
// follows the file's name: "holds no certificate (...)". Never empty.
std::expected<std::vector<Pem<X509>>, std::string> pem_certificates(std::string_view text);
std::expected<std::vector<Pem<X509_CRL>>, std::string> pem_revocations(std::string_view text);
// The first private key. One under a passphrase is an error: there is nobody to ask for it.
std::expected<Pem<EVP_PKEY>, std::string> pem_private_key(const Secret& text);

}  // namespace linewatch::config
