#include "agent/background.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

using namespace linewatch::agent;

TEST_CASE("work is done in order, and all of it before the end") {
  std::vector<int> done;
  {
    const Background background;
    for (int i = 0; i < 1000; ++i) background.post([&done, i] { done.push_back(i); });
  }
  REQUIRE(done.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(done[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("work that comes after the end is done by who brings it") {
  std::shared_ptr<Background::Queue> queue;
  {
    const Background background;
    queue = background.queue();
  }
  bool done = false;
  Background::post(queue, [&done] { done = true; });
  CHECK(done);
}

TEST_CASE("work may bring more work, also at the very end") {
  int done = 0;
  {
    const Background background;
    const auto queue = background.queue();
    background.post([&done, queue] {
      Background::post(queue, [&done] { ++done; });
      ++done;
    });
  }
  CHECK(done == 2);
}
