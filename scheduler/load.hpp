#pragma once
// How much of a router's sessions its lines and tasks want: the time that a turn of each holds a session, by
// its interval, all together by the number of sessions. 1 is all there is; above it turns are skipped, and
// those are counted in as well: it is what all the turns would need.

#include <spdlog/logger.h>

#include <algorithm>
#include <chrono>
#include <string>

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

  // A turn that held no session (none came free, the router is unreachable) says nothing of what turns cost.
  void ran(Part& part, connection::Clock::duration held, config::Duration interval) {
    if (held == connection::Clock::duration::zero()) return;
    using Seconds = std::chrono::duration<double>;
    const double cost = Seconds(held).count();
    part.cost = part.share == 0 ? cost : part.cost + (cost - part.cost) / 4;
    const double share = part.cost / Seconds(interval).count();
    wanted_ += share - part.share;
    part.share = share;
  }

  // It does not run for now: paused.
  void rests(Part& part) {
    wanted_ -= part.share;
    part = {};
  }

  double of(int sessions) const { return std::max(0.0, wanted_) / std::max(1, sessions); }

  // Said once, before turns have to be skipped, and again only after it was well.
  void say(const std::string& router, int sessions, spdlog::logger& log) {
    constexpr double full = 0.8, well = 0.7;
    const double load = of(sessions);
    if (!nearly_full_ && load > full) {
      nearly_full_ = true;
      log.warn(
          "sessions are nearly full router={} load={:.0f}% sessions={}: raise max_connections or the "
          "intervals of its lines and tasks",
          router, load * 100, sessions);
    } else if (nearly_full_ && load < well) {
      nearly_full_ = false;
      log.info("sessions have room again router={} load={:.0f}% sessions={}", router, load * 100, sessions);
    }
  }

 private:
  double wanted_ = 0;         // sessions
  bool nearly_full_ = false;  // and that was said
};

}  // namespace linewatch::scheduler
