#pragma once
// The key of an item in Zabbix, as a site may write it.

#include <cstddef>
#include <string_view>

namespace linewatch::config {

inline constexpr std::size_t longest_item_key = 1024;  // octets

// A name of letters, digits and . _ -, and perhaps parameters in brackets, which end it: "bgp.peers[ipv4]".
bool is_item_key(std::string_view key);

}  // namespace linewatch::config
