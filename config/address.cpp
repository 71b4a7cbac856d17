#include "config/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace linewatch::config {

namespace {

// Not <cctype>: what a router takes does not depend on this machine's locale.
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_alphanumeric(char c) {
  return is_digit(c) || is_letter(c);
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

}  // namespace

bool is_ipv4(std::string_view text) {
  if (text.size() < 7 || text.size() > 15) return false;
  int octets = 0;
  while (true) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view octet = text.substr(0, dot);
    if (octet.empty() || octet.size() > 3 || !std::ranges::all_of(octet, is_digit)) return false;
    if (octet.size() > 1 && octet.front() == '0') return false;  // some devices read 010 as octal
    if (octet.size() == 3 && octet > "255") return false;
    ++octets;
    if (dot == text.size()) return octets == 4;
    text.remove_prefix(dot + 1);
  }
}

bool is_ipv6(std::string_view text) {
  if (text.size() < 2 || text.size() > 45 || text.find('\0') != std::string_view::npos) return false;
  in6_addr address{};
  return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  std::string_view rest = text, label;
  while (true) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    label = rest.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
  return !std::ranges::all_of(label, is_digit);
}

bool is_interface_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || !is_alphanumeric(text.front())) return false;
  if (std::ranges::none_of(text, is_letter)) return false;
  // "GigabitEthernet 0/0/1": one space, before the number. "Loopback0 repeat 100000" would be more than a
  // name.
  if (const std::size_t space = text.find(' '); space != std::string_view::npos) {
    if (space + 1 == text.size() || !is_letter(text[space - 1]) || !is_digit(text[space + 1])) return false;
    if (text.find(' ', space + 1) != std::string_view::npos) return false;
  }
  return std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || std::string_view(" /.:-_").find(c) != std::string_view::npos;
  });
}

bool is_vrf_name(std::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  if (!is_alphanumeric(text.front()) && text.front() != '_') return false;
  return std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || std::string_view(".:-_").find(c) != std::string_view::npos;
  });
}

std::optional<HostPort> parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!is_ipv6(host)) return std::nullopt;
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos && !is_ipv6(text)) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!is_ip(host) && !is_host_name(host)) return std::nullopt;
  if (port.empty()) {
    if (!default_port) return std::nullopt;
    return HostPort{std::string(host), *default_port};
  }
  if (port.front() != ':') return std::nullopt;
  port.remove_prefix(1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0) return std::nullopt;
  return HostPort{std::string(host), number};
}

}  // namespace linewatch::config
