#include "scheduler/router_tasks.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <sstream>

#include "config/loader.hpp"
#include "scheduler/worker.hpp"
#include "tests/support/fake_session.hpp"

using namespace linewatch;
using namespace linewatch::scheduler;
using namespace linewatch::test;
using namespace std::chrono_literals;
using aggregator::LineState;
using aggregator::TaskResult;
using connection::Context;
using connection::ErrorCode;
using connection::Phase;

namespace {

constexpr const char* ping_answer =
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n!!!!!\n"
    "Success rate is 100 percent (5/5), round-trip min/avg/max = 1/2/4 ms\n";
constexpr const char* lost_answer =
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n.....\n"
    "Success rate is 0 percent (0/5)\n";
constexpr const char* bgp_answer =
    "Neighbor        V  AS    State/PfxRcd\n"
    "192.0.2.5       4  64501 5\n"
    "192.0.2.9       4  64502 Active\n";

// One router with a session at a time, a task of its own, and a line that is pinged only where a test says
// so.
struct Bench {
  Bench() {
    router.name = "r1";
    router.address = "192.0.2.1";
    router.platform = config::builtin_platforms().find("cisco_iosxe");
    router.zabbix_host = "edge-1";
    line.id = "L-1";
    line.router = "r1";
    line.target = "198.51.100.2";
    line.zabbix_host = "edge-1";
    line.interval = 1s;
    task.name = "bgp";
    task.interval = 1s;
    task.commands["cisco_iosxe"] = {"show ip bgp summary", "show clock"};
    config::TaskValue up;
    up.name = "up";
    up.item = "bgp.up";
    up.counts = true;
    up.type = config::TaskValue::Type::integer;
    up.pattern.everywhere = config::Pattern("^\\d.* \\d+$");
    config::TaskValue peers = up;
    peers.name = "peers";
    peers.item = "bgp.peers";
    peers.pattern.everywhere = config::Pattern("^\\d");
    task.values = {up, peers};
    connection::PoolPolicy policy;
    policy.max_connections = 1;
    policy.min_connections = 0;
    pool =
        connection::Pool::make(loop.get_executor(), "r1", policy, std::make_unique<FakeFactory>(fake), log);
    fake.output = bgp_answer;
    fake.commands.open();
  }
  ~Bench() {
    run(pool->drain(Context().within(10s)));
    CHECK(fake.open_sessions == 0);
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
  void start(const std::vector<TaskJob>& jobs, const std::vector<const config::Line*>& lines = {}) {
    worker = std::make_unique<RouterWorker>(
        loop.get_executor(), RouterPlan{nullptr, &router, lines, jobs}, pool, resolver,
        connection::Clock::now() - 1000s,
        [this](const aggregator::LineResult& result) { pings.push_back(result); }, log,
        [this](const TaskResult& result) { results.push_back(result); });
    worker->start();
  }
  void stop(std::chrono::seconds patience = 5s) { run(worker->stop(Context().within(patience))); }
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
  config::Line line;
  config::Task task;
  std::shared_ptr<connection::Pool> pool;
  std::unique_ptr<RouterWorker> worker;
  std::vector<TaskResult> results;
  std::vector<aggregator::LineResult> pings;
};

}  // namespace

TEST_CASE("a router's task types its commands in order on one session and gives its values, turn by turn") {
  Bench bench;
  bench.start({{&bench.task, nullptr}});
  const auto before = std::chrono::system_clock::now();
  while (bench.results.size() < 2) bench.loop.run_one();
  const TaskResult& first = bench.results[0];
  REQUIRE(first.values.size() == 2);
  CHECK(first.values[0].item == "bgp.up");
  CHECK(first.values[0].text == "2");  // the same text came twice: both commands' answers are read
  CHECK(first.values[1].text == "4");
  CHECK(first.zabbix_host == "edge-1");
  CHECK(first.line.empty());
  CHECK(first.clock >= before);
  CHECK(bench.results[1].clock > first.clock);
  REQUIRE(bench.fake.commands_typed.size() >= 2);
  CHECK(bench.fake.commands_typed[0] == "show ip bgp summary");
  CHECK(bench.fake.commands_typed[1] == "show clock");
  CHECK(bench.fake.login_count == 1);
  const auto shown = bench.worker->tasks();
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].name == "bgp");
  CHECK(shown[0].next_due);
  CHECK(shown[0].last->problem().empty());
  bench.stop();
}

TEST_CASE("a command that the router does not take gives no values, and is said once") {
  Bench bench;
  bench.fake.output = "show ip bgp summary\n       ^\n% Invalid input detected at '^' marker.\n";
  bench.start({{&bench.task, nullptr}});
  while (bench.worker->tasks()[0].turns < 3) bench.loop.run_one();
  CHECK(bench.results.empty());
  CHECK(bench.said(
            "there are no values task=\"bgp\" router=r1: the router did not take 'show ip bgp summary': % "
            "Invalid input detected") == 1);
  for (const std::string& command : bench.fake.commands_typed) CHECK(command == "show ip bgp summary");
  bench.fake.output = bgp_answer;
  while (bench.results.empty()) bench.loop.run_one();
  CHECK(bench.said("all values are there again task=\"bgp\" router=r1") == 1);
  bench.stop();
}

TEST_CASE("a value that is not found is missing, the others go out, and it is said once") {
  Bench bench;
  bench.task.values[0].counts = false;
  bench.task.values[0].pattern.everywhere = config::Pattern("uptime (?P<up>\\d+)");
  bench.start({{&bench.task, nullptr}});
  while (bench.results.size() < 3) bench.loop.run_one();
  CHECK(bench.results[2].values.size() == 1);
  CHECK(bench.said("values are missing task=\"bgp\" router=r1: up: not found in the answer") == 1);
  CHECK(bench.worker->tasks()[0].last->problem() == "up: not found in the answer");
  bench.stop();
}

TEST_CASE("a router without a session is a missing value with its reason, not a crash") {
  Bench bench;
  bench.fake.login_error =
      connection::Error{ErrorCode::unreachable, Phase::tcp_connect, "r1: connection refused"};
  bench.start({{&bench.task, nullptr}});
  while (!bench.worker->tasks()[0].last) bench.loop.run_one();
  CHECK(bench.results.empty());
  CHECK(bench.worker->tasks()[0].last->problem().find("connection refused") != std::string::npos);
  CHECK(bench.said("there are no values task=\"bgp\"") == 1);
  bench.stop();
}

TEST_CASE("sessions that lines and tasks fill are said to be so, once, and when they have room again") {
  Bench bench;
  bench.fake.commands = Door(bench.loop.get_executor());
  bench.start({{&bench.task, nullptr}}, {&bench.line});
  while (bench.worker->statistics().skipped() == 0) bench.loop.run_one();
  CHECK(bench.worker->statistics().load == 0);  // nothing has ended yet
  bench.fake.commands.open();
  while (bench.pings.empty() || bench.results.empty()) bench.loop.run_one();
  CHECK(bench.worker->statistics().load > 0.8);
  CHECK(bench.said("sessions are nearly full router=r1 load=") == 1);
  CHECK(bench.said("sessions=1: raise max_connections") == 1);
  while (bench.worker->statistics().load > 0.5) bench.loop.run_one();
  CHECK(bench.said("sessions are nearly full") == 1);
  CHECK(bench.said("sessions have room again router=r1") == 1);
  bench.stop();
}

TEST_CASE("a task of a paused router or line is not done") {
  Bench bench;
  bench.start({{&bench.task, nullptr}, {&bench.task, &bench.line}}, {&bench.line});
  bench.worker->pause(std::nullopt, Pauses::until_resumed);
  while (bench.worker->tasks()[0].skipped < 1 || bench.worker->tasks()[1].skipped < 1) bench.loop.run_one();
  CHECK(bench.results.empty());
  CHECK(bench.worker->tasks()[0].paused);
  bench.worker->resume(std::nullopt);
  bench.worker->pause("L-1", Pauses::until_resumed);
  while (bench.results.size() < 2) bench.loop.run_one();
  for (const TaskResult& result : bench.results) CHECK(result.line.empty());
  bench.stop();
}

TEST_CASE("a traceroute that waits while its router is paused is not made") {
  Bench bench;
  bench.line.trace = {true, 15min};
  config::Line other = bench.line;
  other.id = "L-2";
  bench.fake.commands = Door(bench.loop.get_executor());
  RunningTurns turns(bench.loop.get_executor());
  RouterLoad load;
  bool paused = false;
  RouterTasks tasks(
      bench.loop.get_executor(), RouterPlan{nullptr, &bench.router, {&bench.line, &other}, {}}, *bench.pool,
      bench.resolver, connection::Clock::now(), turns, load, [&](const config::Line*) { return paused; },
      [&](const TaskResult& result) { bench.results.push_back(result); }, bench.log);
  for (const LineState state : {LineState::up, LineState::down}) {
    for (const config::Line* line : {&bench.line, &other}) tasks.measured(*line, state);
  }
  while (bench.fake.typed == 0) bench.loop.run_one();
  paused = true;
  bench.fake.commands.open();
  while (bench.results.empty()) bench.loop.run_one();
  bench.run(turns.finish(Context().within(10s)));
  CHECK(bench.fake.typed == 1);
  CHECK(bench.results.size() == 1);
}

TEST_CASE("a task under way at the stop is waited for, then cut short") {
  Bench bench;
  bench.fake.commands = Door(bench.loop.get_executor());
  bench.start({{&bench.task, nullptr}});
  while (bench.fake.commands.waiting() == 0) bench.loop.run_one();
  bench.stop(0s);
  CHECK(bench.results.empty());
  CHECK(bench.worker->tasks()[0].last->error.find("cancelled") != std::string::npos);
}

TEST_CASE("a session that the router closed while it idled is replaced, unseen by the task") {
  Bench bench;
  bench.start({{&bench.task, nullptr}});
  while (bench.results.empty()) bench.loop.run_one();
  bench.fake.command_errors.push_back({ErrorCode::closed, Phase::write, "r1: closed by the router"});
  while (bench.results.size() < 2) bench.loop.run_one();
  CHECK(bench.fake.login_count == 2);
  CHECK(bench.said("there are no values") == 0);
  bench.stop();
}

TEST_CASE("a line that turns bad is traced once, from its router") {
  Bench bench;
  bench.line.trace = {true, 15min};
  bench.fake.output = ping_answer;
  bench.start({}, {&bench.line});
  while (bench.pings.empty()) bench.loop.run_one();
  bench.fake.output = lost_answer;
  while (bench.results.empty()) bench.loop.run_one();
  const TaskResult& trace = bench.results[0];
  REQUIRE(trace.values.size() == 1);
  CHECK(trace.values[0].item == "line.trace");
  CHECK(trace.line == "L-1");
  CHECK(std::ranges::count(bench.fake.commands_typed,
                           "traceroute 198.51.100.2 numeric timeout 1 probe 1 ttl 1 30") == 1);
  bench.fake.output = ping_answer;
  const auto pings = bench.pings.size();
  while (bench.pings.back().state != LineState::up) bench.loop.run_one();
  bench.fake.output = lost_answer;
  while (bench.pings.back().state != LineState::down || bench.pings.size() < pings + 3) bench.loop.run_one();
  CHECK(bench.results.size() == 1);
  CHECK(bench.worker->tasks()[0].name == "traceroute");
  bench.stop();
}

TEST_CASE("what status shows of a value is short and fit to be shown") {
  TaskResult result;
  result.values = {{"a", "a", std::string(100'000, 'x')}, {"b", "b", "M\xfcnchen"}};
  const LastTask last = LastTask::of(result);
  CHECK(last.values[0].text == std::string(200, 'x') + "...");
  CHECK(last.values[1].text == "M\xEF\xBF\xBDnchen");
}

TEST_CASE("every kind of task stands in the registry, for every platform") {
  for (const char* kind : {"ping", "command", "traceroute"}) {
    for (const std::string& platform : config::builtin_platforms().names())
      CHECK((find_task(kind, platform) != nullptr));
  }
  CHECK((find_task("pong", "linux") == nullptr));
}
