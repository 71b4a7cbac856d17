#pragma once
// Ping and traceroute of the platforms that write a target and keywords with values behind it, as data: which
// words may stand before the target and which behind, what they mean and what they take. Pure.

#include "tests/sim/router/ping_options.hpp"

namespace linewatch::sim {

struct Keyword {
  enum class Means {
    count,
    size,          // in the platform's sense
    seconds,       // time-out
    milliseconds,  // time-out
    interval,      // seconds
    source,        // an address or an interface
    vrf,
    df,
    ipv4,
    ipv6,
    number,       // taken, without effect here
    two_numbers,  // so is this
    text,
    flag,
  };
  const char* text;
  Means means;
  int min = 0;
  int max = 0;
};

struct Syntax {
  std::span<const Keyword> before;  // the target
  std::span<const Keyword> behind;
};

// `defaults` are the platform's. The family is what a keyword says, or the target's own.
ParsedPing parse_keywords(PingRequest defaults, std::span<const Word> words, std::size_t end,
                          const Syntax& syntax);

}  // namespace linewatch::sim
