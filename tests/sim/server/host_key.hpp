#pragma once
// A router's host key: read or made, and shown as clients know it.

#include <expected>
#include <memory>
#include <string>

#include <libssh/libssh.h>

#include "tests/sim/router/config.hpp"

namespace linewatch::sim {

struct KeyDeleter {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, KeyDeleter>;

std::expected<Key, std::string> load_or_make_host_key(const RouterConfig& router);

// A line of an authorized_keys file; nothing for comments and blank lines. Options before the key are not
// understood.
std::expected<Key, std::string> parse_public_key(const std::string& line);

struct PublicKeyText {
  std::string type;  // "ssh-ed25519"
  std::string base64;
  std::string fingerprint;  // "SHA256:..."
};
PublicKeyText describe(ssh_key key);

}  // namespace linewatch::sim
