// How a worker shares a router's sessions among its lines.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <map>
#include <set>
#include <sstream>

#include "config/loader.hpp"
#include "scheduler/worker.hpp"
#include "tests/support/fake_session.hpp"

using namespace linewatch;
using namespace linewatch::scheduler;
using namespace linewatch::test;
using namespace std::chrono_literals;
using aggregator::LineState;
using connection::Context;
using connection::ErrorCode;
using connection::Phase;

namespace {

constexpr const char* good_answer =
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n!!!!!\n"
    "Success rate is 100 percent (5/5), round-trip min/avg/max = 1/2/4 ms\n";
constexpr const char* no_answer =
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n.....\n"
    "Success rate is 0 percent (0/5)\n";

// A router with so many sessions, and lines L-01.. to 198.51.100.1.. that share an interval.
struct Bench {
  Bench(int line_count, config::Duration interval, int max_connections) {
    router.name = "r1";
    router.address = "192.0.2.1";
    router.platform = config::builtin_platforms().find("cisco_iosxe");
    for (int i = 1; i <= line_count; ++i) {
      config::Line& line = lines.emplace_back();
      line.id = line.zabbix_host = fmt::format("L-{:02}", i);
      line.router = "r1";
      line.target = fmt::format("198.51.100.{}", i);
      line.interval = interval;
    }
    policy.max_connections = max_connections;
    policy.min_connections = 0;
    pool =
        connection::Pool::make(loop.get_executor(), "r1", policy, std::make_unique<FakeFactory>(fake), log);
    fake.output = good_answer;
  }
  ~Bench() {
    run(worker->stop(Context().within(10s)));
    run(pool->drain(Context().within(10s)));
    CHECK(fake.open_sessions == 0);
    CHECK(fake.most_sessions <= policy.max_connections);
  }
  void start() {
    RouterPlan plan{nullptr, &router, {}, {}};
    for (const config::Line& line : lines) plan.lines.push_back(&line);
    worker = std::make_unique<RouterWorker>(
        loop.get_executor(), plan, pool, resolver, connection::Clock::now() - 1000s,
        [this](const aggregator::LineResult& result) { results.push_back(result); }, log,
        [](const aggregator::TaskResult&) {});
    worker->start();
  }
  void run(connection::Awaitable<void> operation) {
    bool done = false;
    boost::asio::co_spawn(loop, std::move(operation), [&](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
      done = true;
    });
    loop.restart();
    while (!done) loop.run_one();
  }
  void run_until(const std::function<bool()>& is_so) {
    loop.restart();
    while (!is_so()) loop.run_one();
  }
  std::size_t under_way() const {
    return static_cast<std::size_t>(std::ranges::count_if(worker->lines(), &LineSnapshot::running));
  }
  std::map<std::string, int> measured() const {  // results with figures, by line
    std::map<std::string, int> counts;
    for (const config::Line& line : lines) counts[line.id] = 0;
    for (const aggregator::LineResult& result : results) counts[result.line] += result.figures ? 1 : 0;
    return counts;
  }
  int fewest_measured() const {
    int fewest = 1000;
    for (const auto& [line, count] : measured()) fewest = std::min(fewest, count);
    return fewest;
  }
  int said(std::string_view what) const {
    const std::string text = stream.str();
    int count = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++count;
    return count;
  }

  boost::asio::io_context loop{1};
  std::ostringstream stream;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(stream));
  FakeRouter fake{loop.get_executor()};
  connection::Resolver resolver;
  config::Router router;
  std::deque<config::Line> lines;
  connection::PoolPolicy policy;
  std::shared_ptr<connection::Pool> pool;
  std::unique_ptr<RouterWorker> worker;
  std::vector<aggregator::LineResult> results;
};

}  // namespace

TEST_CASE("lines that wait ride on one lease, the one that is due first in front, at most eight on each") {
  Bench bench(20, 500ms, 1);
  bench.start();
  auto lines = bench.worker->lines();
  std::ranges::sort(lines, {}, &LineSnapshot::next_due);
  bench.run_until([&] { return bench.under_way() == 20; });
  bench.fake.commands.open();
  bench.run_until([&] { return bench.fake.commands_typed.size() >= 20; });
  for (std::size_t i = 0; i < 20; ++i) {
    CAPTURE(i);
    CHECK(bench.fake.commands_typed[i].find("ping " + lines[i].line->target + " ") != std::string::npos);
  }
  CHECK(bench.pool->core().statistics().grants == 3);
  CHECK(bench.worker->statistics().batches[8] == 2);
  CHECK(bench.worker->statistics().lateness.count() >= 19);
}

TEST_CASE("lines that are due one shortly after the other share a lease") {
  Bench bench(8, 80ms, 1);  // 10 ms apart
  bench.fake.commands.open();
  bench.start();
  bench.run_until([&] { return bench.results.size() >= 64; });
  CHECK(bench.pool->core().statistics().grants * 2 <= bench.results.size());
}

TEST_CASE("lines run on as many sessions as there are, and a dead one keeps no other from its turns") {
  Bench bench(6, 60ms, 2);
  bench.fake.commands.open();
  bench.fake.stuck = "198.51.100.3 ";
  bench.start();
  bench.run_until([&] {
    const auto counts = bench.measured();
    return std::ranges::all_of(counts,
                               [](const auto& each) { return each.first == "L-03" || each.second >= 10; });
  });
  CHECK(bench.measured()["L-03"] == 0);
  CHECK(std::set(bench.fake.typed_on.begin(), bench.fake.typed_on.end()).size() == 2);
  bench.fake.unstuck.open();
  bench.run_until([&] { return bench.measured()["L-03"] == 2; });
}

TEST_CASE("with three times the turns that there is time for, every line is measured as often as any other") {
  for (const int sessions : {1, 2}) {
    Bench bench(12 * sessions, 24ms, sessions);
    bench.fake.commands.open();
    bench.fake.takes = 6ms;
    bench.start();
    bench.run_until([&] { return bench.fewest_measured() >= 20; });
    int most = 0;
    for (const auto& [line, count] : bench.measured()) most = std::max(most, count);
    CHECK(most - bench.fewest_measured() <= 2);
    CHECK(bench.worker->statistics().load > 1.5);

    bench.run(bench.worker->stop(Context().within(10s)));
    const WorkerStatistics figures = bench.worker->statistics();
    CHECK(figures.skipped(SkipReason::overload) > 100);
    CHECK(bench.results.size() == figures.turns + figures.skipped(SkipReason::overload));
    std::map<std::string, std::chrono::system_clock::time_point> last;
    for (const aggregator::LineResult& result : bench.results) {
      CHECK(result.clock >= last[result.line]);
      last[result.line] = result.clock;
      if (result.figures) continue;
      REQUIRE(result.state == LineState::agent_error);
      CHECK(result.error == fmt::format("no session came free in 24ms: the router has {} for {} lines; raise "
                                        "max_connections or the interval",
                                        sessions == 1 ? "1 session" : "2 sessions", 12 * sessions));
    }
    CHECK(bench.said("turns find no session in time") == 1);
    CHECK(bench.said("line agent_error") == 0);
  }
}

TEST_CASE("short intervals go before long ones when all are late, and the long ones are measured, too") {
  Bench bench(12, 24ms, 1);
  for (std::size_t i = 0; i < 4; ++i) bench.lines[i].interval = 96ms;
  bench.fake.commands.open();
  bench.fake.takes = 6ms;
  bench.start();
  bench.run_until([&] { return bench.fewest_measured() >= 10; });
  const auto counts = bench.measured();
  CHECK(counts.at("L-12") > counts.at("L-01"));
}

TEST_CASE("a router that lets nobody in fails every line that waits, with the cause, once for each turn") {
  Bench bench(5, 400ms, 1);
  bench.fake.logins = Door(bench.loop.get_executor());
  bench.start();
  bench.run_until([&] { return bench.under_way() == 5; });
  bench.fake.login_error =
      connection::Error{ErrorCode::authentication, Phase::authentication, "r1: the password was refused"};
  const auto before = bench.results.size();
  bench.fake.logins.open();
  bench.run_until([&] { return bench.results.size() == before + 5; });
  std::set<std::string> told;
  for (std::size_t i = before; i < bench.results.size(); ++i) {
    CHECK(bench.results[i].state == LineState::router_error);
    CHECK(bench.results[i].error.find("the password was refused") != std::string::npos);
    told.insert(bench.results[i].line);
  }
  CHECK(told.size() == 5);
  CHECK(bench.under_way() == 0);
  const auto turns = bench.worker->statistics().turns;
  bench.run_until([&] { return bench.worker->statistics().turns >= turns + 5; });
  CHECK(bench.results.size() == bench.worker->statistics().turns);
}

TEST_CASE("a session that a ping left in its middle is mended before the next line has it") {
  Bench bench(4, 100ms, 1);
  bench.fake.command_errors.push_back({ErrorCode::deadline, Phase::read, "r1: no prompt"});
  bench.start();
  bench.run_until([&] { return bench.under_way() == 4; });
  bench.fake.commands.open();
  bench.run_until([&] { return bench.fewest_measured() >= 1; });
  CHECK(bench.fake.recoveries == 1);
  CHECK(std::ranges::count_if(bench.results, [](const auto& result) {
          return result.error.find("did not end within") != std::string::npos;
        }) == 1);
}

TEST_CASE("a session found closed is replaced, and its line keeps its place") {
  Bench bench(3, 100ms, 1);
  bench.fake.commands.open();
  bench.start();
  bench.run_until([&] { return bench.fewest_measured() >= 1; });
  bench.fake.command_errors.push_back({ErrorCode::closed, Phase::write, "r1: closed by the router"});
  bench.run_until([&] { return bench.fewest_measured() >= 3; });
  CHECK(bench.fake.login_count == 2);
  for (const aggregator::LineResult& result : bench.results) CHECK(result.state != LineState::router_error);
  CHECK(bench.worker->statistics().turns >= bench.results.size());
}

TEST_CASE("confirmations that come later leave the session to others") {
  Bench bench(2, 50ms, 1);
  bench.fake.commands.open();
  bench.lines[0].confirm = {2, 1h};
  bench.fake.output = no_answer;
  bench.start();
  bench.run_until([&] { return bench.measured()["L-02"] >= 10; });
  CHECK(bench.measured()["L-01"] == 0);
  CHECK(bench.worker->lines()[0].running);
  CHECK(bench.worker->statistics().skipped(SkipReason::still_running) > 0);
  bench.run(bench.worker->stop(Context().within(0s)));
  const auto stopped = std::ranges::find(bench.results, "L-01", &aggregator::LineResult::line);
  REQUIRE(stopped != bench.results.end());
  CHECK(stopped->error == "stopped before the line could be measured once more");
}

TEST_CASE("a target that the agent resolves keeps no session while it does so") {
  Bench bench(2, 50ms, 1);
  bench.fake.commands.open();
  bench.lines[0].target = "no-such-name.invalid";
  bench.lines[0].resolve = config::Resolve::agent;
  bench.start();
  bench.run_until([&] { return !bench.results.empty() && bench.measured()["L-02"] >= 3; });
  for (const std::string& typed : bench.fake.commands_typed)
    CHECK(typed.find("no-such-name") == std::string::npos);
  bench.run_until(
      [&] { return std::ranges::count(bench.results, "L-01", &aggregator::LineResult::line) >= 1; });
  const auto failed = std::ranges::find(bench.results, "L-01", &aggregator::LineResult::line);
  CHECK(failed->state == LineState::line_error);
}

TEST_CASE("a pause takes lines that wait out of the queue, and a stop reports those that still wait") {
  Bench bench(6, 300ms, 1);
  bench.start();
  bench.run_until([&] { return bench.under_way() == 6; });
  const auto lines = bench.worker->lines();
  const auto waiting = std::ranges::find_if(lines, [&](const LineSnapshot& line) {
    return bench.fake.commands_typed[0].find(line.line->target + " ") == std::string::npos;
  });
  const std::string paused = waiting->line->id;
  bench.worker->pause(paused, Pauses::until_resumed);
  CHECK(bench.under_way() == 5);
  CHECK(bench.worker->statistics().skipped(SkipReason::paused) == 1);
  bench.results.clear();
  bench.run(bench.worker->stop(Context().within(0s)));
  CHECK(bench.results.size() == 5);
  for (const aggregator::LineResult& result : bench.results) {
    CHECK(result.state == LineState::agent_error);
    CHECK(result.line != paused);
  }
}
