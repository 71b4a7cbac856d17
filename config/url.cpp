#include "config/url.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

constexpr std::uint16_t usual_port(bool tls) {
  return tls ? 443 : 80;
}

// What may stand in a request's first line.
bool is_path(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::string HttpUrl::host_header() const {
  const std::string name = is_ipv6(host) ? "[" + host + "]" : host;
  return port == usual_port(tls) ? name : fmt::format("{}:{}", name, port);
}

std::expected<HttpUrl, std::string> parse_http_url(std::string_view text) {
  HttpUrl url;
  if (text.starts_with("https://")) {
    url.tls = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::unexpected("must begin with https:// or http://");
  }
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  const std::string_view authority = text.substr(0, end);
  url.path = text.substr(end);
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  if (authority.find('@') != std::string_view::npos)
    return std::unexpected("holds a name or a password before '@' (write username and password_file)");
  auto place = parse_host_port(authority, usual_port(url.tls));
  if (!place) return std::unexpected("holds no host (write https://zabbix.example.net/api_jsonrpc.php)");
  if (url.path.find('#') != std::string::npos || !is_path(url.path))
    return std::unexpected("holds a space, a '#' or a character that must be written as %XX");
  url.host = std::move(place->host);
  url.port = place->port;
  return url;
}

}  // namespace linewatch::config
