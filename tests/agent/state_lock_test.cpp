#include "agent/state_lock.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

using linewatch::agent::StateLock;

TEST_CASE("a state directory belongs to one agent at a time") {
  char name[] = "/tmp/linewatch-test-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  const std::filesystem::path folder = std::filesystem::path(name) / "deep" / "state";
  {
    const auto first = StateLock::take(folder);
    REQUIRE(first);
    const auto second = StateLock::take(folder);
    REQUIRE_FALSE(second);
    CHECK(second.error().find("another agent runs") != std::string::npos);
  }
  CHECK(StateLock::take(folder));
  CHECK_FALSE(StateLock::take("/dev/null/state"));
  std::filesystem::remove_all(name);
}
