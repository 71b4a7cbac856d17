#include "agent/trace.hpp"

#include <fmt/format.h>

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

connection::Trace make_trace(std::string router) {
  return [router = std::move(router)](connection::TraceDirection direction, std::string_view text) {
    while (!text.empty()) {
      const std::size_t end =
          std::min(text.size(), text.find('\n') == text.npos ? text.size() : text.find('\n') + 1);
      fmt::print(stderr, "{} {} {}\n", router, mark_of(direction), escaped(text.substr(0, end)));
      text.remove_prefix(end);
    }
  };
}

}  // namespace linewatch::agent
