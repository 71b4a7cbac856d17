#include "agent/loop_watch.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

using namespace linewatch::agent;
using namespace std::chrono_literals;

TEST_CASE("what holds the loop is measured, short by the watch's interval at most") {
  boost::asio::io_context loop;
  LoopWatch watch(loop.get_executor());
  watch.start();
  while (watch.stalls().count() < 3) loop.run_one();
  boost::asio::post(loop, [] {
    const auto end = std::chrono::steady_clock::now() + 200ms;
    while (std::chrono::steady_clock::now() < end) {
    }
  });
  const auto before = watch.stalls().count();
  while (watch.stalls().count() < before + 2) loop.run_one();
  CHECK(watch.stalls().longest() >= 0.18);
  CHECK(watch.stalls().quantile(1) >= 0.18);
}
