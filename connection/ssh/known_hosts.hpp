#pragma once
// OpenSSH's known_hosts format: reading its lines, and asking which of them speak of an address. Pure
// functions.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "connection/ssh/host_keys.hpp"

namespace linewatch::connection {

struct KnownHostsLine {
  int line = 0;       // from 1
  std::string hosts;  // first field: comma list with * ? and !, or |1|salt|hash
  HostKey key;
  bool revoked = false;
};

// Comments, empty lines, @cert-authority and key types that we do not speak are passed over. The error is one
// clause that begins with the line's number: "12: the key is no base64".
std::expected<std::vector<KnownHostsLine>, std::string> parse_known_hosts(std::string_view text);

// Does the line's first field mean this address? By OpenSSH's rules: "host" for port 22, "[host]:port"
// otherwise.
bool hosts_match(std::string_view hosts, const std::string& host, std::uint16_t port);

// How an address is written in a new line.
std::string known_hosts_name(const std::string& host, std::uint16_t port);

// The type that a public key's blob names in its first field; empty if it is no blob.
std::string blob_type(std::string_view blob);

}  // namespace linewatch::connection
