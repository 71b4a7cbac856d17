#pragma once
// A loop with an aggregator and servers on it, for the tests of this folder.

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <sstream>

#include "aggregator/aggregator.hpp"
#include "tests/aggregator/stand_in.hpp"

namespace linewatch::aggregator::test {

using namespace std::chrono_literals;
namespace asio = boost::asio;

// A loop with an aggregator and servers on it, and what a test asks of them. Coroutines take it by reference:
// it outlives the loop's work, since run() returns only when all of that has ended.
struct World {
  using Scenario = connection::Awaitable<void> (*)(World&);

  asio::io_context loop{1};
  connection::Resolver resolver{1};
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
  config::ZabbixSettings settings;
  DeliveryOptions options;
  std::vector<std::shared_ptr<StandIn>> servers;
  std::unique_ptr<Aggregator> aggregator;
  int lines = 0;
  std::chrono::nanoseconds clock{};  // later than that of the first results

  World() {
    settings.flush_interval = 0ms;
    options.backoff_first = 1ms;
    options.backoff_max = 4ms;
    options.exchange = {.connect = 5s, .total = 20s};
    options.buffer = {.commit = 1ms, .retry = 5ms};
  }
  StandIn& serve() {
    servers.push_back(std::make_shared<StandIn>(loop));
    servers.back()->start();
    return *servers.back();
  }
  void destination(std::vector<config::Node> nodes) { settings.servers.push_back({std::move(nodes), {}}); }
  void start() {
    aggregator = std::make_unique<Aggregator>(loop.get_executor(), settings, resolver, log, options);
    aggregator->start();
  }
  // Results of lines of their own: router_error gives two values, line.error and line.status.
  void submit(int count = 1, const std::string& host = "h") {
    for (; count > 0; --count) {
      LineResult result;
      result.line = "L" + std::to_string(lines++);
      result.zabbix_host = host;
      result.state = LineState::router_error;
      result.error = "unreachable";
      result.clock =
          std::chrono::system_clock::time_point(1'700'000'000s + std::chrono::nanoseconds(lines) + clock);
      aggregator->submit(result);
    }
  }
  DestinationStatistics figures(std::size_t destination = 0) const {
    return aggregator->statistics()[destination];
  }
  int said(const std::string& text) const {
    const std::string all = out.str();
    int count = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
  }

  static connection::Awaitable<void> whole(World& world, Scenario scenario) {
    co_await scenario(world);
    for (const auto& server : world.servers) server->stop();
  }
  // Runs the scenario and everything that it leaves on the loop.
  void run(Scenario scenario) {
    bool ended = false;
    asio::co_spawn(loop, whole(*this, scenario), [&ended](const std::exception_ptr& failure) {
      ended = true;
      if (failure) std::rethrow_exception(failure);
    });
    loop.run_for(120s);
    REQUIRE(ended);
    REQUIRE(loop.stopped());  // nothing waits any more: no coroutine was left behind
  }
};

using Predicate = std::function<bool()>;

// Looks again and again; the limit is only there to fail instead of hanging.
inline connection::Awaitable<void> until(World& world, Predicate holds) {
  asio::steady_timer timer(world.loop);
  const auto limit = connection::Clock::now() + 60s;
  while (!holds() && connection::Clock::now() < limit) {
    boost::system::error_code ignored;
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (!holds()) MESSAGE(world.out.str());
  REQUIRE(holds());
}

inline connection::Awaitable<void> settled(World& world) {
  const Predicate empty = [&world] {
    for (const auto& figures : world.aggregator->statistics())
      if (figures.queued > 0) return false;
    return true;
  };
  co_await until(world, empty);
}

inline connection::Awaitable<void> drain(World& world, connection::Clock::duration limit) {
  const connection::Context ctx = connection::Context().within(limit);
  co_await world.aggregator->drain(ctx);
}

inline connection::Awaitable<void> drain_all(World& world) {
  return drain(world, 60s);
}
inline connection::Awaitable<void> drain_late(World& world) {
  return drain(world, 0s);
}
inline connection::Awaitable<void> deliver_and_drain(World& world) {
  co_await settled(world);
  co_await drain(world, 60s);
}

inline std::vector<std::string> keys(const StandIn& server) {
  std::vector<std::string> out;
  for (const auto& value : server.accepted) out.push_back(value["key"]);
  return out;
}

inline std::vector<std::string> expected_keys(int first, int last) {
  std::vector<std::string> out;
  for (int i = first; i < last; ++i)
    for (const char* name : {"line.error[L", "line.status[L"}) out.push_back(name + std::to_string(i) + "]");
  return out;
}

}  // namespace linewatch::aggregator::test
