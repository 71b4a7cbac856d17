#pragma once
// How much of a router's sessions its lines and tasks want: the time that a turn of each holds a session, by
// its interval, all together by the number of sessions. 1 is all there is; above it turns are skipped. Pure.

#include <algorithm>
#include <chrono>

#include "config/duration.hpp"
#include "connection/context.hpp"

namespace linewatch::scheduler {

class RouterLoad {
 public:
  // One line's or task's part; nothing until its first turn.
  struct Part {
    double cost = 0;   // seconds of a session each turn, averaged over the last few
    double share = 0;  // of one session
  };

  void ran(Part& part, connection::Clock::duration held, config::Duration interval) {
    using Seconds = std::chrono::duration<double>;
    const double cost = Seconds(held).count();
    part.cost = part.share == 0 ? cost : part.cost + (cost - part.cost) / 4;
    const double share = part.cost / Seconds(interval).count();
    wanted_ += share - part.share;
    part.share = share;
  }

  double of(int sessions) const { return std::max(0.0, wanted_) / std::max(1, sessions); }

 private:
  double wanted_ = 0;  // sessions
};

}  // namespace linewatch::scheduler
