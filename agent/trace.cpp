#include "agent/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace linewatch::agent {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    switch (octet) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (octet < 0x20 || octet == 0x7f) {
          out += fmt::format("\\x{:02x}", octet);
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string masked(std::string text, const std::vector<config::Secret>& secrets) {
  constexpr std::string_view stars = "********";
  for (const config::Secret& secret : secrets) {
    for (std::size_t at = 0; !secret.empty() && (at = text.find(secret.reveal(), at)) != text.npos;
         at += stars.size()) {
      text.replace(at, secret.reveal().size(), stars);
    }
  }
  return text;
}

char mark_of(connection::TraceDirection direction) {
  switch (direction) {
    case connection::TraceDirection::sent:
      return '>';
    case connection::TraceDirection::received:
      return '<';
    case connection::TraceDirection::note:
      return '#';
  }
  return '#';
}

}  // namespace

connection::Trace make_trace(std::string router, std::vector<config::Secret> secrets) {
  return [router = std::move(router), secrets = std::move(secrets)](connection::TraceDirection direction,
                                                                    std::string_view octets) {
    const std::string shown = masked(std::string(octets), secrets);
    std::string_view text = shown;
    while (!text.empty()) {
      const std::size_t end =
          std::min(text.size(), text.find('\n') == text.npos ? text.size() : text.find('\n') + 1);
      fmt::print(stderr, "{} {} {}\n", router, mark_of(direction), escaped(text.substr(0, end)));
      text.remove_prefix(end);
    }
  };
}

}  // namespace linewatch::agent
