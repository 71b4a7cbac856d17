// A year of timetables in seconds: random additions, removals and edits of intervals, hosts that stand still,
// against what must always hold.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include "scheduler/timetable.hpp"

using namespace linewatch;
using namespace linewatch::scheduler;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint epoch{-1234567ms};
constexpr TimePoint start{100000s};
constexpr config::Duration intervals[] = {1s, 5s, 30s, 60s, 61s, 180s, 600s, 3600s, 86400s};

// Drives a timetable on a virtual clock, a little late at each turn, and checks every turn that it gives.
class World {
 public:
  World(std::uint32_t seed, std::size_t first_interval) : random_(seed), first_interval_(first_interval) {
    for (int i = 0; i < 40; ++i) add();
    table_.emplace("r1", entries(), epoch, now_);
  }

  void run_until(TimePoint end) {
    while (table_->next_due() < end) {
      now_ = std::max(now_, table_->next_due()) + std::chrono::microseconds(below(20000));
      while (const auto turn = table_->take(now_)) check(*turn);
    }
    now_ = std::max(now_, end);
  }

  // Nobody looks for so long: turns that pass meanwhile are counted, and only the last of each is taken.
  void stand_still(config::Duration length) {
    now_ += length;
    std::map<std::string, int> taken;
    while (const auto turn = table_->take(now_)) {
      check(*turn);
      REQUIRE(++taken[names_[turn->entry]] == 1);
      REQUIRE(now_ - turn->due < known_.at(names_[turn->entry]).interval);
    }
  }

  void edit() {
    switch (below(3)) {
      case 0:
        add();
        break;
      case 1:
        if (known_.size() > 1) known_.erase(any());
        break;
      default: {
        Known& line = any()->second;
        line.interval = any_interval();
        line.edited = true;
      }
    }
    replace();
  }

  std::uint64_t turns = 0, skipped = 0;

 private:
  struct Known {
    config::Duration interval{};
    std::optional<TimePoint> last;
    bool edited = false;  // its interval, since its last turn
    bool moved = false;   // the set of lines changed since then
  };

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  config::Duration any_interval() {
    return intervals[first_interval_ + below(std::size(intervals) - first_interval_)];
  }
  std::map<std::string, Known>::iterator any() {
    return std::next(known_.begin(), static_cast<std::ptrdiff_t>(below(known_.size())));
  }
  void add() { known_[fmt::format("L-{:04}", below(10000))] = {any_interval(), {}, false, false}; }

  std::vector<TimetableEntry> entries() {
    std::vector<TimetableEntry> all;
    names_.clear();
    for (const auto& [name, line] : known_) {
      all.push_back({name, line.interval});
      names_.push_back(name);
    }
    return all;
  }

  void replace() {
    table_->replace(entries(), now_);
    const Timetable anew("r1", entries(), epoch, now_);
    for (std::size_t i = 0; i < names_.size(); ++i) {
      REQUIRE(table_->phase(i) == anew.phase(i));  // of the set of lines alone
      Known& line = known_.at(names_[i]);
      line.moved = true;
      const auto interval = line.interval;
      REQUIRE(table_->due(i) >= now_);
      if (line.last && !line.edited) {
        REQUIRE(table_->due(i) - *line.last >= interval / 2);
        REQUIRE(table_->due(i) - *line.last <= interval * 3 / 2);
      } else {
        REQUIRE(table_->due(i) <= now_ + interval * 3 / 2);
      }
    }
  }

  void check(const Turn& turn) {
    Known& line = known_.at(names_[turn.entry]);
    const auto interval = line.interval;
    REQUIRE(turn.due <= now_);  // never early
    const auto whole = interval * static_cast<std::int64_t>(turn.skipped);
    if (line.last && !line.moved) {
      REQUIRE(turn.due - *line.last == interval + whole);  // no drift, nothing twice
    } else if (line.last) {
      REQUIRE(turn.due - *line.last - whole >= interval / 2);
      if (!line.edited) REQUIRE(turn.due - *line.last - whole <= interval * 3 / 2);
    }
    const bool on_slot = (turn.due - epoch - table_->phase(turn.entry)) % interval == 0ns;
    REQUIRE((on_slot || line.moved));
    line.last = turn.due;
    line.edited = false;
    line.moved = !on_slot;  // its next one brings it back
    ++turns;
    skipped += turn.skipped;
  }

  std::mt19937 random_;
  std::size_t first_interval_;
  std::map<std::string, Known> known_;
  std::vector<std::string> names_;  // by entry
  TimePoint now_ = start;
  std::optional<Timetable> table_;
};

}  // namespace

TEST_CASE("a year of edits, stalls and turns: no drift, nothing twice, and the gaps keep their bounds") {
  World world(7, 5);  // from 180 s on: some three million turns
  std::mt19937 random(8);
  TimePoint now = start;
  for (int day = 0; day < 365; ++day) {
    for (int hour = 0; hour < 24; ++hour) {
      now += 1h;
      world.run_until(now);
      if (random() % 3 == 0) world.edit();
    }
    if (day % 30 == 7) {
      const auto length = std::chrono::minutes(random() % 600 + 1);
      world.stand_still(length);
      now += length;
    }
  }
  CHECK(world.turns > 1'000'000);
  CHECK(world.skipped > 100);
}

TEST_CASE("edits one upon the other, seconds apart, do not move a line out of its bounds") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    World world(seed, 0);
    std::mt19937 random(seed);
    TimePoint now = start;
    for (int i = 0; i < 1000; ++i) {
      now += std::chrono::milliseconds(random() % 3000);
      world.run_until(now);
      world.edit();
    }
  }
}

TEST_CASE("no stretch of time has more turns than the even rate and one for each interval") {
  std::vector<TimetableEntry> entries;
  std::map<config::Duration, int> groups;
  std::mt19937 random(3);
  for (int i = 0; i < 40; ++i) {
    const auto interval = intervals[2 + random() % 5];
    entries.push_back({fmt::format("L-{}", i), interval});
    ++groups[interval];
  }
  Timetable table("r1", entries, epoch, start);
  std::vector<std::pair<TimePoint, config::Duration>> dues;
  while (table.next_due() < start + 2h) {
    const auto turn = table.take(table.next_due());
    dues.emplace_back(turn->due, entries[turn->entry].interval);
  }
  for (const auto stretch : {1s, 10s, 60s, 300s}) {
    for (std::size_t first = 0; first < dues.size(); ++first) {
      std::map<config::Duration, int> seen;
      for (std::size_t i = first; i < dues.size() && dues[i].first < dues[first].first + stretch; ++i)
        ++seen[dues[i].second];
      for (const auto& [interval, count] : seen)
        REQUIRE(count <=
                static_cast<double>(groups[interval]) * (stretch / 1.0s) / (interval / 1.0s) + 1.001);
    }
  }
}
