#pragma once
// The ping commands of the platforms, read from the words after "ping". Pure.

#include <expected>
#include <span>

#include "tests/sim/router/ping.hpp"
#include "tests/sim/router/words.hpp"

namespace linewatch::sim {

struct BadWord {
  enum class Why { unrecognized, wrong_parameter, incomplete, too_many };
  Why why = Why::unrecognized;
  std::size_t at = 0;  // offset in the command line
};
using ParsedPing = std::expected<PingRequest, BadWord>;

// `end` is the length of the line: where an incomplete command's caret stands.
ParsedPing parse_ios_ping(std::span<const Word> words, std::size_t end);
ParsedPing parse_vrp_ping(std::span<const Word> words, std::size_t end, Micros default_interval);

// iputils says itself what is wrong.
std::expected<PingRequest, std::string> parse_iputils_ping(std::span<const Word> words, bool ipv6_command);

}  // namespace linewatch::sim
