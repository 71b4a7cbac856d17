#include "tests/support/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace linewatch::test {

namespace {

struct Free {
  void operator()(X509* object) const { X509_free(object); }
  void operator()(X509_CRL* object) const { X509_CRL_free(object); }
  void operator()(X509_REVOKED* object) const { X509_REVOKED_free(object); }
  void operator()(EVP_PKEY* object) const { EVP_PKEY_free(object); }
  void operator()(ASN1_TIME* object) const { ASN1_TIME_free(object); }
  void operator()(X509_EXTENSION* object) const { X509_EXTENSION_free(object); }
  void operator()(BIO* object) const { BIO_free(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

void require(bool done) {
  if (!done) throw std::runtime_error("OpenSSL cannot make the test's certificates");
}

template <class Write>
std::string pem(Write write) {
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  require(write(out.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string key_pem(EVP_PKEY* key, const char* passphrase = nullptr) {
  return pem([&](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, key, passphrase ? EVP_aes_128_cbc() : nullptr, passphrase,
                                         passphrase ? 4 : 0, nullptr, nullptr);
  });
}

Owned<ASN1_TIME> day(int from_now) {
  return Owned<ASN1_TIME>(X509_time_adj_ex(nullptr, from_now, 0, nullptr));
}

void extend(X509* certificate, X509* issuer, int what, const char* value) {
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &ctx, what, value));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void name(X509* certificate, const std::string& common) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto add = [&](const char* field, const std::string& value) {
    const auto* octets = reinterpret_cast<const unsigned char*>(value.data());
    require(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, octets, static_cast<int>(value.size()),
                                       -1, 0) == 1);
  };
  add("O", "Linewatch test");
  add("CN", common);
}

Owned<X509> blank(EVP_PKEY* key, const std::string& common, long serial, Validity validity) {
  Owned<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_set1_notBefore(certificate.get(), day(validity.from).get());
  X509_set1_notAfter(certificate.get(), day(validity.until).get());
  X509_set_pubkey(certificate.get(), key);
  name(certificate.get(), common);
  return certificate;
}

std::string certificate_pem(X509* certificate) {
  return pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

}  // namespace

struct Authority::Impl {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;
  long serial = 1;
};

Authority::Authority(const std::string& common) : impl_(std::make_unique<Impl>()) {
  impl_->key.reset(EVP_EC_gen("P-256"));
  impl_->certificate = blank(impl_->key.get(), common, impl_->serial++, {});
  X509* const own = impl_->certificate.get();
  X509_set_issuer_name(own, X509_get_subject_name(own));
  extend(own, own, NID_basic_constraints, "critical,CA:TRUE");
  extend(own, own, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(own, own, NID_subject_key_identifier, "hash");
  require(X509_sign(own, impl_->key.get(), EVP_sha256()) > 0);
  certificate_ = certificate_pem(own);
}

Authority::~Authority() = default;

Identity Authority::issue(const std::string& common, Validity validity) {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Owned<X509> certificate = blank(key.get(), common, impl_->serial++, validity);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(impl_->certificate.get()));
  extend(certificate.get(), impl_->certificate.get(), NID_authority_key_identifier, "keyid");
  require(X509_sign(certificate.get(), impl_->key.get(), EVP_sha256()) > 0);
  return {certificate_pem(certificate.get()), key_pem(key.get())};
}

std::string Authority::revoke(const std::vector<Identity>& identities, Validity validity) const {
  const Owned<X509_CRL> list(X509_CRL_new());
  X509_CRL_set_version(list.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(impl_->certificate.get()));
  X509_CRL_set1_lastUpdate(list.get(), day(validity.from).get());
  X509_CRL_set1_nextUpdate(list.get(), day(validity.until).get());
  for (const Identity& identity : identities) {
    const Owned<BIO> text(
        BIO_new_mem_buf(identity.certificate.data(), static_cast<int>(identity.certificate.size())));
    const Owned<X509> certificate(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    Owned<X509_REVOKED> entry(X509_REVOKED_new());
    X509_REVOKED_set_serialNumber(entry.get(), X509_get_serialNumber(certificate.get()));
    X509_REVOKED_set_revocationDate(entry.get(), day(-1).get());
    require(X509_CRL_add0_revoked(list.get(), entry.release()) == 1);
  }
  require(X509_CRL_sign(list.get(), impl_->key.get(), EVP_sha256()) > 0);
  return pem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}

std::string under_passphrase(const Identity& identity) {
  const Owned<BIO> text(BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size())));
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(text.get(), nullptr, nullptr, nullptr));
  return key_pem(key.get(), "long");
}

}  // namespace linewatch::test
