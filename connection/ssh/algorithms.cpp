#include "connection/ssh/algorithms.hpp"

#include <algorithm>
#include <string_view>

namespace linewatch::connection {

namespace {

// Cheapest first. Groups 16 and 18 occupy a loop for 17 ms and more in one piece, so only where nothing else
// is common.
constexpr std::string_view key_exchange =
    "ecdh-sha2-nistp256,curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group14-sha256,diffie-hellman-group-exchange-sha256";
constexpr std::string_view legacy_key_exchange =
    ",diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,diffie-hellman-group1-sha1";
constexpr std::string_view slow_key_exchange = ",diffie-hellman-group16-sha512,diffie-hellman-group18-sha512";

constexpr std::string_view ciphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,"
    "aes256-ctr";
constexpr std::string_view legacy_ciphers = ",aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc";

constexpr std::string_view macs =
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512";
constexpr std::string_view legacy_macs = ",hmac-sha1-etm@openssh.com,hmac-sha1";

// A signature algorithm and the key type it belongs to: RSA has several of the former.
struct Signature {
  std::string_view name, key_type;
};
constexpr Signature signatures[] = {
    {"ssh-ed25519", "ssh-ed25519"},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
    {"rsa-sha2-512", "ssh-rsa"},
    {"rsa-sha2-256", "ssh-rsa"},
};
constexpr Signature sha1_rsa = {"ssh-rsa", "ssh-rsa"};

std::string join(const std::vector<Signature>& list) {
  std::string text;
  for (const Signature& signature : list) {
    if (!text.empty()) text += ',';
    text += signature.name;
  }
  return text;
}

}  // namespace

Algorithms algorithms(bool legacy, const std::vector<HostKey>& known) {
  std::vector<Signature> offered(std::begin(signatures), std::end(signatures));
  if (legacy) offered.push_back(sha1_rsa);
  Algorithms chosen;
  chosen.client_keys = join(offered);
  std::vector<Signature> first, rest;
  for (const Signature& signature : offered) {
    const bool stored =
        std::ranges::any_of(known, [&](const HostKey& key) { return key.type == signature.key_type; });
    (stored ? first : rest).push_back(signature);
  }
  first.insert(first.end(), rest.begin(), rest.end());
  chosen.host_keys = join(first);
  chosen.key_exchange = key_exchange;
  chosen.ciphers = ciphers;
  chosen.macs = macs;
  if (legacy) {
    chosen.key_exchange += legacy_key_exchange;
    chosen.ciphers += legacy_ciphers;
    chosen.macs += legacy_macs;
  }
  chosen.key_exchange += slow_key_exchange;
  return chosen;
}

}  // namespace linewatch::connection
