#pragma once
// Which lines of one router are not to be measured for a while: all of them, or single ones, each until a
// time or until resumed. Pure: no clock, no timer. Owned by the router's worker.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connection/context.hpp"

namespace linewatch::scheduler {

using connection::TimePoint;

// A line by its id, or the whole router.
using PauseOf = std::optional<std::string>;

class Pauses {
 public:
  static constexpr TimePoint until_resumed = TimePoint::max();

  // A later pause of the same replaces the earlier one.
  void pause(PauseOf what, TimePoint until);

  // Of the whole router: its lines' own pauses end, too. False: there was nothing to end.
  bool resume(PauseOf what);

  // Lines that are there no more are not paused, either.
  void forget_lines_unless(const std::function<bool(const std::string& line)>& is_there);

  // Until when the line is not measured, its router's pause counted in; nothing: it is measured.
  std::optional<TimePoint> until(const std::string& line) const;
  std::optional<TimePoint> router_until() const { return router_; }

  // The earliest end to come; TimePoint::max() if none ends by itself.
  TimePoint next_end() const;
  // Ends what is over at `now`, and says what that was.
  std::vector<PauseOf> end_due(TimePoint now);

 private:
  std::optional<TimePoint> router_;
  std::map<std::string, TimePoint> lines_;  // only the paused ones
};

}  // namespace linewatch::scheduler
