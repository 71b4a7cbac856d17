#pragma once
// When each line of one router is due. Pure: no clock, no timer. Slots are even: line i of the n that share
// an interval is due at (offset + i/n of the interval), the offset a hash of the router's name and the
// interval, so that neither routers nor intervals coincide; no second sees a burst, and the same set of lines
// has the same phases after a restart or on another agent. Deadlines are absolute: due times never drift.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/duration.hpp"
#include "connection/context.hpp"

namespace linewatch::scheduler {

using connection::TimePoint;

struct TimetableEntry {
  std::string line;  // each once
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
  Timetable(std::string router, std::vector<TimetableEntry> entries, TimePoint epoch, TimePoint now);

  // Other entries from now on. A line that stays is due 0.5 to 1.5 of its interval after its last turn, on
  // the slot of its new phase that is nearest to a whole interval; where that slot has just passed, once more
  // when it was due anyway. With another interval it is due on its first slot that is at least half the new
  // interval after its last turn. What is due already stays due.
  void replace(std::vector<TimetableEntry> entries, TimePoint now);

  // The earliest next turn; TimePoint::max() without lines.
  TimePoint next_due() const;

  // The earliest turn that is due at `now`, and moves its line on to its next turn after `now`. Turns of the
  // line that lie between are skipped and counted.
  std::optional<Turn> take(TimePoint now);

  // How often the entry's slot comes after `after`, up to and with `until`.
  std::uint64_t turns_between(std::size_t entry, TimePoint after, TimePoint until) const;

  config::Duration phase(std::size_t entry) const { return slots_[entry].phase; }
  TimePoint due(std::size_t entry) const { return slots_[entry].due; }  // its next turn

 private:
  struct Slot {
    config::Duration phase{};
    TimePoint due;
    TimePoint last;  // its last turn; an interval before the first one if there was none
    bool taken = false;
  };
  std::vector<Slot> slots_of(const std::vector<TimetableEntry>& entries) const;
  TimePoint slot_from(const Slot& slot, config::Duration interval, TimePoint earliest) const;
  TimePoint slot_near(const Slot& slot, config::Duration interval, TimePoint target) const;
  void start(std::size_t entry, TimePoint now);
  void carry_over(std::size_t entry, const Slot& before, config::Duration interval_before, TimePoint now);
  void push(std::size_t entry);

  std::string router_;
  TimePoint epoch_;
  std::vector<TimetableEntry> entries_;
  std::vector<Slot> slots_;        // by entry
  std::vector<std::size_t> heap_;  // entries, the earliest due on top
};

}  // namespace linewatch::scheduler
