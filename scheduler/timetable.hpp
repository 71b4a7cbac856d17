#pragma once
// When each line of one router is due. Pure: no clock, no timer. Slots are even: line i of the n that share
// an interval is due at (offset + i/n of the interval), the offset a hash of the router's name; so no second
// sees a burst, and the same set of lines has the same phases after a restart or on another agent. Deadlines
// are absolute: due times never drift.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/duration.hpp"
#include "connection/context.hpp"

namespace linewatch::scheduler {

using connection::TimePoint;

struct TimetableEntry {
  std::string line;
  config::Duration interval{};
};

struct Turn {
  std::size_t entry = 0;  // index into the entries given
  TimePoint due;
  std::uint64_t skipped = 0;  // turns of this line that passed unserved before this one
};

class Timetable {
 public:
  // `epoch` is the monotonic time of the wall clock's zero, taken once: phases are anchored to wall time,
  // turns are not moved when somebody sets the clock. No line is due before `now`.
  Timetable(std::string_view router, std::vector<TimetableEntry> entries, TimePoint epoch, TimePoint now);

  // The earliest next turn; TimePoint::max() without lines.
  TimePoint next_due() const;

  // The earliest turn that is due at `now`, and moves its line on to its next turn after `now`. Turns of the
  // line that lie between are skipped and counted.
  std::optional<Turn> take(TimePoint now);

  config::Duration phase(std::size_t entry) const { return slots_[entry].phase; }
  TimePoint due(std::size_t entry) const { return slots_[entry].due; }  // its next turn

 private:
  struct Slot {
    config::Duration phase{};
    TimePoint due;
  };
  void push(std::size_t entry);

  std::vector<TimetableEntry> entries_;
  std::vector<Slot> slots_;        // by entry
  std::vector<std::size_t> heap_;  // entries, the earliest due on top
};

}  // namespace linewatch::scheduler
