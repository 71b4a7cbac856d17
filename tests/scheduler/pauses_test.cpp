#include "scheduler/pauses.hpp"

#include <doctest/doctest.h>

using namespace linewatch::scheduler;
using namespace std::chrono_literals;

namespace {
const TimePoint start{1000s};
}

TEST_CASE("a paused line is paused alone, until its time or until resumed") {
  Pauses pauses;
  CHECK(pauses.next_end() == TimePoint::max());
  pauses.pause("L-1", start + 10s);
  pauses.pause("L-2", Pauses::until_resumed);
  CHECK_FALSE(pauses.until("L-0"));
  CHECK(pauses.until("L-1") == start + 10s);
  CHECK(pauses.next_end() == start + 10s);
  CHECK(pauses.end_due(start + 9999ms).empty());
  const auto ended = pauses.end_due(start + 10s);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0] == PauseOf("L-1"));
  CHECK_FALSE(pauses.until("L-1"));
  CHECK(pauses.until("L-2") == Pauses::until_resumed);
  CHECK(pauses.next_end() == TimePoint::max());
  CHECK(pauses.end_due(TimePoint::max() - 1s).empty());
  CHECK(pauses.resume("L-2"));
  CHECK_FALSE(pauses.resume("L-2"));
}

TEST_CASE("a router's pause holds all its lines; the later of two ends counts for a line") {
  Pauses pauses;
  pauses.pause(std::nullopt, start + 10s);
  pauses.pause("L-3", start + 20s);
  CHECK(pauses.until("L-0") == start + 10s);
  CHECK(pauses.until("L-3") == start + 20s);
  const auto ended = pauses.end_due(start + 10s);
  REQUIRE(ended.size() == 1);
  CHECK_FALSE(ended[0]);
  CHECK_FALSE(pauses.router_until());
  CHECK_FALSE(pauses.until("L-0"));
  CHECK(pauses.until("L-3") == start + 20s);
}

TEST_CASE("resuming a router resumes its lines, too; a line's resume leaves the router's pause") {
  Pauses pauses;
  pauses.pause(std::nullopt, Pauses::until_resumed);
  pauses.pause("L-3", Pauses::until_resumed);
  CHECK(pauses.resume("L-3"));
  CHECK(pauses.until("L-3"));
  pauses.pause("L-3", start);
  CHECK(pauses.resume(std::nullopt));
  CHECK_FALSE(pauses.until("L-3"));
  CHECK_FALSE(pauses.resume(std::nullopt));
}

TEST_CASE("a pause said again replaces the first, shorter or longer") {
  Pauses pauses;
  pauses.pause("L-1", Pauses::until_resumed);
  pauses.pause("L-1", start);
  CHECK(pauses.next_end() == start);
}

TEST_CASE("a line that is there no more is not paused when it comes back") {
  Pauses pauses;
  pauses.pause(std::nullopt, start + 10s);
  pauses.pause("L-1", Pauses::until_resumed);
  pauses.pause("L-2", Pauses::until_resumed);
  pauses.forget_lines_unless([](const std::string& line) { return line == "L-2"; });
  CHECK(pauses.until("L-1") == start + 10s);
  CHECK(pauses.until("L-2") == Pauses::until_resumed);
}
