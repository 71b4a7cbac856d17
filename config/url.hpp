#pragma once
// The parts of an address that begins with http:// or https://.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace linewatch::config {

struct HttpUrl {
  bool tls = false;
  std::string host;  // an address (without brackets) or a name
  std::uint16_t port = 0;
  std::string path;  // with the query, begins with '/'

  std::string host_header() const;  // with the port where it is not the usual one
};

// The error is one clause that quotes nothing: a password may stand in a wrong one.
std::expected<HttpUrl, std::string> parse_http_url(std::string_view text);

}  // namespace linewatch::config
