#pragma once
// What may stand on a router's command line. A target, source or VRF is data, never command: whatever is not
// plainly an address, a host name or an interface name is refused here, before any profile renders it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace linewatch::config {

bool is_ipv4(std::string_view text);  // dotted quad, strict
bool is_ipv6(std::string_view text);  // as inet_pton reads it; no zone, no brackets
inline bool is_ip(std::string_view text) {
  return is_ipv4(text) || is_ipv6(text);
}

// RFC 1123 host name: labels of letters, digits, '-' (and '_', which routers allow), at most 253 octets; a
// name whose last label is all digits ("1.2.3") is a mistyped address and no name.
bool is_host_name(std::string_view text);

// An interface name as any of our platforms spells it: letters, digits and / . : - _ and at most one space,
// between the kind and the number ("GigabitEthernet 0/0/1"); at most 64 octets; starts with a letter or digit
// and holds a letter ("100GE1/0/1").
bool is_interface_name(std::string_view text);

// A VRF or VPN instance name: letters, digits and . : - _ ; at most 64 octets; starts with a letter or digit
// or '_'.
bool is_vrf_name(std::string_view text);

// "10.0.0.5", "zabbix.example.net:10051", "[2001:db8::1]:10051", "2001:db8::1".
struct HostPort {
  std::string host;
  std::uint16_t port;
};
std::optional<HostPort> parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port);

}  // namespace linewatch::config
