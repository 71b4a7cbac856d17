#pragma once
// How often something happened within the last hour, to five minutes: small, since every pool has some.

#include <array>
#include <cstdint>

#include "connection/context.hpp"

namespace linewatch::connection {

class LastHour {
 public:
  void count(TimePoint now) {
    Part& part = parts_[number(now) % parts];
    if (part.number != number(now)) part = {number(now), 0};
    ++part.events;
  }

  std::uint64_t events(TimePoint now) const {
    std::uint64_t sum = 0;
    for (const Part& part : parts_) {
      if (part.number <= number(now) && part.number + parts > number(now)) sum += part.events;
    }
    return sum;
  }

 private:
  static constexpr std::uint32_t parts = 12;
  struct Part {
    std::uint32_t number = 0, events = 0;
  };
  // Of the five minutes that `now` falls into; none is 0 to 11, so that empty parts count nothing.
  static std::uint32_t number(TimePoint now) {
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count();
    return static_cast<std::uint32_t>(minutes / 5) + parts;
  }

  std::array<Part, parts> parts_;
};

}  // namespace linewatch::connection
