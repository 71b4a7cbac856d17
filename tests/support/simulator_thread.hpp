#pragma once
// Simulated routers in a thread of the test's own process. Stopped, every session cut, at the end of scope.

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/sim/server/simulator.hpp"

namespace linewatch::test {

struct SimulatorThread {
  explicit SimulatorThread(std::vector<sim::RouterConfig> routers)
      : simulator(loop, sim::SimulatorConfig{std::move(routers)},
                  [this](const std::string& line) { events.push_back(line); }) {
    const auto started = simulator.start();
    REQUIRE_MESSAGE(started.has_value(), started.error());
    thread = std::thread([this] { loop.run(); });
  }
  ~SimulatorThread() { stop(); }
  void stop() {
    if (!thread.joinable()) return;
    boost::asio::post(loop, [this] { simulator.stop(); });
    thread.join();
  }
  // Counts change on the loop's thread: read there, or after stop().
  sim::RouterCounts counts(const std::string& name) {
    if (!thread.joinable()) return simulator.counts(name);
    std::promise<sim::RouterCounts> promise;
    boost::asio::post(loop, [&] { promise.set_value(simulator.counts(name)); });
    return promise.get_future().get();
  }

  boost::asio::io_context loop;
  std::vector<std::string> events;  // to be read after stop()
  sim::Simulator simulator;
  std::thread thread;
};

}  // namespace linewatch::test
