#include "tests/sim/server/host_key.hpp"

#include <sstream>

namespace linewatch::sim {

std::expected<Key, std::string> load_or_make_host_key(const RouterConfig& router) {
  ssh_key raw = nullptr;
  if (!router.host_key_file.empty()) {
    if (ssh_pki_import_privkey_file(router.host_key_file.c_str(), nullptr, nullptr, nullptr, &raw) !=
        SSH_OK) {
      return std::unexpected("cannot read host key file " + router.host_key_file);
    }
    return Key(raw);
  }
  ssh_keytypes_e type = SSH_KEYTYPE_ED25519;
  int bits = 0;
  if (router.legacy_ssh || router.host_key_type == "rsa") {
    type = SSH_KEYTYPE_RSA;
    bits = 2048;
  } else if (router.host_key_type == "ecdsa") {
    type = SSH_KEYTYPE_ECDSA_P256;
    bits = 256;
  } else if (router.host_key_type != "ed25519") {
    return std::unexpected("host_key_type " + router.host_key_type + " is not ed25519, rsa or ecdsa");
  }
  if (ssh_pki_generate(type, bits, &raw) != SSH_OK) return std::unexpected("cannot make a host key");
  return Key(raw);
}

std::expected<Key, std::string> parse_public_key(const std::string& line) {
  std::istringstream in(line);
  std::string type, base64;
  in >> type;
  if (type.empty() || type[0] == '#') return Key();
  in >> base64;
  ssh_key raw = nullptr;
  const ssh_keytypes_e kind = ssh_key_type_from_name(type.c_str());
  if (kind == SSH_KEYTYPE_UNKNOWN || ssh_pki_import_pubkey_base64(base64.c_str(), kind, &raw) != SSH_OK) {
    return std::unexpected("not a public key: " + line.substr(0, 40));
  }
  return Key(raw);
}

PublicKeyText describe(ssh_key key) {
  PublicKeyText text;
  ssh_key raw = nullptr;
  if (ssh_pki_export_privkey_to_pubkey(key, &raw) != SSH_OK) return text;
  const Key pub(raw);
  text.type = ssh_key_type(pub.get()) == SSH_KEYTYPE_ECDSA_P256
                  ? "ecdsa-sha2-nistp256"
                  : ssh_key_type_to_char(ssh_key_type(pub.get()));
  char* base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(pub.get(), &base64) == SSH_OK) {
    text.base64 = base64;
    ssh_string_free_char(base64);
  }
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  if (ssh_get_publickey_hash(pub.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &size) == SSH_OK) {
    char* fingerprint = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
    if (fingerprint != nullptr) text.fingerprint = fingerprint;
    ssh_string_free_char(fingerprint);
    ssh_clean_pubkey_hash(&hash);
  }
  return text;
}

}  // namespace linewatch::sim
