#include "scheduler/load.hpp"

#include <doctest/doctest.h>

using namespace linewatch::scheduler;
using namespace std::chrono_literals;

TEST_CASE("a router's load is what its turns cost, by their intervals and its sessions") {
  RouterLoad load;
  RouterLoad::Part line, task;
  CHECK(load.of(2) == 0);
  load.ran(line, 10s, 60s);
  load.ran(task, 30s, 60s);
  CHECK(load.of(1) == doctest::Approx(40.0 / 60));
  CHECK(load.of(2) == doctest::Approx(20.0 / 60));
  for (int turn = 0; turn < 50; ++turn) load.ran(line, 90s, 60s);  // it went down, and its probes wait
  CHECK(load.of(1) == doctest::Approx(120.0 / 60).epsilon(0.01));
  for (int turn = 0; turn < 50; ++turn) load.ran(line, 1ms, 60s);
  CHECK(load.of(1) == doctest::Approx(0.5).epsilon(0.01));
}

TEST_CASE("a turn that found no session does not make the load look lower than what is wanted") {
  RouterLoad load;
  RouterLoad::Part line;
  load.ran(line, 180s, 60s);
  for (int turn = 0; turn < 2; ++turn) load.ran(line, 0s, 60s);
  CHECK(load.of(1) == doctest::Approx(3.0));
}
