#pragma once
// Which SSH algorithms are offered, to a current router and to an old one. Pure text.

#include <string>
#include <vector>

#include "connection/ssh/host_keys.hpp"

namespace linewatch::connection {

struct Algorithms {
  std::string key_exchange, host_keys, ciphers, macs, client_keys;
};

// `known` are the host keys stored for the router: their types are asked for first, so that a router with
// several keys shows one that can be compared. `legacy` adds what old devices need.
Algorithms algorithms(bool legacy, const std::vector<HostKey>& known);

}  // namespace linewatch::connection
