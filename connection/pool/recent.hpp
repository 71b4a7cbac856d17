#pragma once
// How often something happened within the last hour, to the minute.

#include <array>
#include <cstdint>

#include "connection/context.hpp"

namespace linewatch::connection {

class LastHour {
 public:
  void count(TimePoint now) {
    Minute& minute = minutes_[index(now)];
    if (minute.number != number(now)) minute = {number(now), 0};
    ++minute.events;
  }

  std::uint64_t events(TimePoint now) const {
    std::uint64_t sum = 0;
    for (const Minute& minute : minutes_) {
      if (minute.number <= number(now) && minute.number + 60 > number(now)) sum += minute.events;
    }
    return sum;
  }

 private:
  struct Minute {
    std::int64_t number = -60;
    std::uint32_t events = 0;
  };
  static std::int64_t number(TimePoint now) {
    return std::chrono::duration_cast<std::chrono::minutes>(now.time_since_epoch()).count();
  }
  static std::size_t index(TimePoint now) { return static_cast<std::size_t>(number(now)) % 60; }

  std::array<Minute, 60> minutes_;
};

}  // namespace linewatch::connection
