#include "scheduler/timetable.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>

using namespace linewatch::scheduler;
using namespace linewatch;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint epoch{-5000s};  // the wall clock's zero may lie before the monotonic one's
constexpr TimePoint start{100000s};

std::vector<TimetableEntry> lines(int count, config::Duration interval, int first = 0) {
  std::vector<TimetableEntry> entries;
  for (int i = 0; i < count; ++i) entries.push_back({fmt::format("L-{:04}", first + i), interval});
  return entries;
}

}  // namespace

TEST_CASE("lines of one interval are spread evenly over it") {
  Timetable table("r1", lines(20, 60s), epoch, start);
  std::vector<config::Duration> phases;
  for (std::size_t i = 0; i < 20; ++i) phases.push_back(table.phase(i));
  std::ranges::sort(phases);
  for (std::size_t i = 1; i < phases.size(); ++i) CHECK(phases[i] - phases[i - 1] == 3s);
}

TEST_CASE("each line is due once per interval, at absolute times, for ever") {
  Timetable table("r1", lines(3, 7s), epoch, start);
  std::map<std::size_t, TimePoint> last;
  TimePoint now = start;
  for (int i = 0; i < 30000; ++i) {
    now = table.next_due() + 1ms;  // a millisecond late each time: lateness must not add up
    const auto turn = table.take(now);
    REQUIRE(turn);
    CHECK(turn->skipped == 0);
    if (last.contains(turn->entry)) REQUIRE(turn->due - last[turn->entry] == 7s);
    last[turn->entry] = turn->due;
  }
  CHECK_FALSE(table.take(now - 1s));
}

TEST_CASE("the first turn comes within one interval and not before now") {
  for (const auto interval : {1s, 60s, 86400s}) {
    Timetable table("edge", lines(9, interval), epoch, start);
    for (int i = 0; i < 9; ++i) {
      const auto turn = table.take(start + interval);
      REQUIRE(turn);
      CHECK(turn->due >= start);
      CHECK(turn->due <= start + interval);
    }
  }
}

TEST_CASE("phases survive a restart and do not depend on the order written") {
  auto entries = lines(10, 60s);
  Timetable before("r1", entries, epoch, start);
  std::ranges::reverse(entries);
  Timetable after("r1", entries, epoch, start + 12345s);
  for (std::size_t i = 0; i < 10; ++i) CHECK(before.phase(i) == after.phase(9 - i));
}

TEST_CASE("an edit moves a neighbour by at most one slot") {
  for (int count = 1; count < 40; ++count) {
    Timetable before("r1", lines(count, 60s, 1), epoch, start);
    Timetable after("r1", lines(count + 1, 60s, 0), epoch, start);  // one more, in front of all
    for (int i = 0; i < count; ++i) {
      const auto was = before.phase(static_cast<std::size_t>(i)),
                 is = after.phase(static_cast<std::size_t>(i + 1));
      auto moved = (is - was + 60s) % 60s;
      if (moved > 30s) moved = 60s - moved;
      CHECK(moved <= 60000ms / count + 1ms);
    }
  }
}

TEST_CASE("routers are offset against each other") {
  std::vector<config::Duration> phases;
  for (int router = 0; router < 200; ++router) {
    phases.push_back(Timetable(fmt::format("router-{}", router), lines(1, 60s), epoch, start).phase(0));
  }
  int worst = 0;  // routers in one second; 200 over 60 s are 3.3 on average
  for (int second = 0; second < 60; ++second) {
    worst = std::max(worst, static_cast<int>(std::ranges::count_if(
                                phases, [&](auto phase) { return phase / 1s == second; })));
  }
  CHECK(worst <= 12);
}

TEST_CASE("turns that passed while nobody looked are skipped and counted, and the rhythm is kept") {
  Timetable table("r1", lines(1, 10s), epoch, start);
  const TimePoint due = table.next_due();
  const auto turn = table.take(due + 35s);
  REQUIRE(turn);
  CHECK(turn->skipped == 3);
  CHECK(turn->due == due + 30s);
  CHECK(table.next_due() == due + 40s);
  CHECK_FALSE(table.take(due + 35s));
}

TEST_CASE("without lines nothing is ever due") {
  Timetable table("r1", {}, epoch, start);
  CHECK(table.next_due() == TimePoint::max());
  CHECK_FALSE(table.take(TimePoint::max() - 1s));
}

TEST_CASE("the intervals of one router are offset against each other") {
  std::vector<TimetableEntry> entries;
  for (int i = 1; i <= 20; ++i) entries.push_back({fmt::format("L-{}", i), i * 60s});
  Timetable table("r1", entries, epoch, start);
  std::map<config::Duration, int> together;  // by the place within a minute
  for (std::size_t i = 0; i < entries.size(); ++i) ++together[table.phase(i) % 60s / 1s * 1s];
  for (const auto& [second, count] : together) CHECK(count <= 4);
}

TEST_CASE("an edit that changes nothing moves nothing") {
  Timetable table("r1", lines(7, 60s), epoch, start);
  for (int i = 0; i < 4; ++i) table.take(table.next_due());
  for (std::size_t i = 0; i < 7; ++i) {
    const TimePoint due = table.due(i);
    table.replace(lines(7, 60s), start + 20s);
    CHECK(table.due(i) == due);
  }
}

TEST_CASE("a line with another interval has its next turn on its new slot, not too soon") {
  for (const auto interval : {1s, 10s, 59s, 61s, 600s, 86400s}) {
    Timetable table("r1", lines(1, 60s), epoch, start);
    const auto last = table.take(table.next_due() + 5ms);
    REQUIRE(last);
    table.replace(lines(1, interval), last->due + 2s);
    const TimePoint due = table.due(0);
    CHECK(due >= last->due + 2s);
    CHECK(due - last->due >= interval / 2);
    CHECK(due - last->due <= 2s + interval * 3 / 2);
    CHECK((due - epoch - table.phase(0)) % interval == 0s);
  }
}

TEST_CASE("what is due when the plan changes stays due") {
  Timetable table("r1", lines(3, 60s), epoch, start);
  const TimePoint due = table.next_due();
  table.replace(lines(4, 60s), due + 1ms);
  CHECK(table.next_due() == due);
  const auto turn = table.take(due + 1ms);
  REQUIRE(turn);
  CHECK(turn->due == due);
  CHECK(turn->skipped == 0);
}

TEST_CASE("turns between two times are as many as would have been taken") {
  Timetable table("r1", lines(5, 60s), epoch, start);
  std::map<std::size_t, std::vector<TimePoint>> taken;
  const TimePoint end = start + 1h;
  while (const auto turn = table.take(std::min(end, table.next_due())))
    taken[turn->entry].push_back(turn->due);
  for (const auto& [entry, dues] : taken) {
    CHECK(table.turns_between(entry, start - 1ns, end) == dues.size());
    CHECK(table.turns_between(entry, dues.front(), end) == dues.size() - 1);  // the first is not after itself
    CHECK(table.turns_between(entry, dues.front() - 1ns, dues.front()) == 1);
    CHECK(table.turns_between(entry, dues[3], dues[3] + 59s) == 0);
    CHECK(table.turns_between(entry, dues[3], dues[1]) == 0);
  }
}
