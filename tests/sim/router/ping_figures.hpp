#pragma once
// What the platforms' pings share: why a probe failed, and the figures under a ping, summed up in
// microseconds.

#include <algorithm>
#include <cmath>

#include "tests/sim/router/config.hpp"

namespace linewatch::sim {

enum class Failure {
  timed_out,
  unreachable,  // said a router on the way
  too_big,      // for the path, and must not be fragmented
  no_route,
};

class Figures {
 public:
  void add(Micros round_trip) {
    const auto us = round_trip.count();
    min_ = received_ == 0 ? us : std::min(min_, us);
    max_ = std::max(max_, us);
    sum_ += us;
    squares_ += static_cast<double>(us) * static_cast<double>(us);
    ++received_;
  }

  int received() const { return received_; }
  Micros::rep min() const { return min_; }
  Micros::rep max() const { return max_; }
  Micros::rep mean() const { return received_ == 0 ? 0 : sum_ / received_; }
  double deviation() const {
    if (received_ == 0) return 0;
    const double mean = static_cast<double>(sum_) / received_;
    return std::sqrt(std::max(0.0, squares_ / received_ - mean * mean));
  }

 private:
  int received_ = 0;
  Micros::rep min_ = 0, max_ = 0, sum_ = 0;
  double squares_ = 0;
};

inline double loss_percent(int sent, int received) {
  return sent == 0 ? 0 : 100.0 * (sent - received) / sent;
}
inline double ms(Micros::rep us) {
  return static_cast<double>(us) / 1000;
}

// The router on the way that says what is unreachable.
inline const char* gateway(bool ipv6) {
  return ipv6 ? "2001:db8::ff" : "192.0.2.254";
}
// The router's own address where none was wished.
inline const char* own_address(bool ipv6) {
  return ipv6 ? "2001:db8::10" : "192.0.2.10";
}

}  // namespace linewatch::sim
