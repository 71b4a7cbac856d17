#pragma once
// Which lines of one router are not to be measured for a while: all of them, or single ones, each until a
// time or until resumed. Pure: no clock, no timer. Owned by the router's worker.

#include <map>
#include <optional>
#include <vector>

#include "connection/context.hpp"

namespace linewatch::scheduler {

using connection::TimePoint;

// A line by its entry, or the whole router.
using PauseOf = std::optional<std::size_t>;

class Pauses {
 public:
  static constexpr TimePoint until_resumed = TimePoint::max();

  // A later pause of the same replaces the earlier one.
  void pause(PauseOf what, TimePoint until);

  // Of the whole router: its lines' own pauses end, too. False: there was nothing to end.
  bool resume(PauseOf what);

  // Until when the line is not measured, its router's pause counted in; nothing: it is measured.
  std::optional<TimePoint> until(std::size_t entry) const;
  std::optional<TimePoint> router_until() const { return router_; }

  // The earliest end to come; TimePoint::max() if none ends by itself.
  TimePoint next_end() const;
  // Ends what is over at `now`, and says what that was.
  std::vector<PauseOf> end_due(TimePoint now);

 private:
  std::optional<TimePoint> router_;
  std::map<std::size_t, TimePoint> lines_;  // only the paused ones
};

}  // namespace linewatch::scheduler
