#include "scheduler/worker.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "config/loader.hpp"
#include "scheduler/measure.hpp"
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
    "Type escape sequence to abort.\n"
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n"
    "!!.!!\n"
    "Success rate is 80 percent (4/5), round-trip min/avg/max = 1/2/4 ms\n";

constexpr const char* no_answer =
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n"
    ".....\n"
    "Success rate is 0 percent (0/5)\n";

struct Bench {
  Bench() {
    router.name = "r1";
    router.address = "192.0.2.1";
    router.platform = config::builtin_platforms().find("cisco_iosxe");
    line.id = "L-1";
    line.router = "r1";
    line.target = "198.51.100.2";
    line.zabbix_host = "r1";
    line.interval = 1s;
    connection::PoolPolicy policy;
    policy.max_connections = 1;
    policy.min_connections = 0;
    policy.rest_timeout = 50ms;
    pool =
        connection::Pool::make(loop.get_executor(), "r1", policy, std::make_unique<FakeFactory>(fake), log);
    fake.output = good_answer;
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
  RouterPlan plan() const { return {nullptr, &router, {&line}, {}}; }
  Measurement measure_once(Context ctx = {}, int confirmations = 0) {
    Measurement got;
    run(into(got, *this, ctx, confirmations));
    return got;
  }
  static connection::Awaitable<void> into(Measurement& got, Bench& bench, Context ctx, int confirmations) {
    const std::chrono::system_clock::time_point due{12345s};
    TaskTurn turn{bench.router, &bench.line, nullptr, *bench.pool, bench.resolver, due};
    turn.confirmations = confirmations;
    got = co_await measure(ctx, turn);
  }

  boost::asio::io_context loop{1};
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  FakeRouter fake{loop.get_executor()};
  connection::Resolver resolver;
  config::Router router;
  config::Line line;
  std::shared_ptr<connection::Pool> pool;
};

}  // namespace

TEST_CASE("a measured line has figures from the counts and the time it was typed") {
  Bench bench;
  bench.fake.commands.open();
  const auto before = std::chrono::system_clock::now();
  const Measurement got = bench.measure_once();
  CHECK(got.result.state == LineState::up);
  REQUIRE(got.result.figures);
  CHECK(got.result.figures->loss_percent == 20.0);
  CHECK(got.result.error.empty());
  CHECK(got.result.clock >= before);
  CHECK_FALSE(got.reused);
  CHECK(bench.measure_once().reused);
}

TEST_CASE("an answer that is no ping result is the line's error, not a figure") {
  Bench bench;
  bench.fake.commands.open();
  bench.fake.output = "% Unrecognized host or address, or protocol not running.\n";
  const Measurement got = bench.measure_once();
  CHECK(got.result.state == LineState::line_error);
  CHECK_FALSE(got.result.error.empty());
}

TEST_CASE("a router that cannot be logged in to is the router's error, at the time the turn was due") {
  Bench bench;
  bench.fake.login_error =
      connection::Error{ErrorCode::unreachable, Phase::tcp_connect, "r1: connection refused"};
  const Measurement got = bench.measure_once();
  CHECK(got.result.state == LineState::router_error);
  CHECK(got.result.error.find("connection refused") != std::string::npos);
  CHECK(got.result.clock == std::chrono::system_clock::time_point(12345s));
  CHECK_FALSE(got.result.figures);
}

TEST_CASE("a session that the router closed while it idled is replaced once, unseen") {
  Bench bench;
  bench.fake.commands.open();
  bench.measure_once();
  bench.fake.command_errors.push_back({ErrorCode::closed, Phase::write, "r1: closed by the router"});
  const Measurement got = bench.measure_once();
  CHECK(got.result.state == LineState::up);
  CHECK(bench.fake.login_count == 2);
}

TEST_CASE("a router that closes each fresh session in mid-command is an error, not a loop") {
  Bench bench;
  bench.fake.commands.open();
  for (int i = 0; i < 9; ++i) {
    bench.fake.command_errors.push_back({ErrorCode::closed, Phase::read, "r1: closed by the router"});
  }
  const Measurement got = bench.measure_once();
  CHECK(got.result.state == LineState::router_error);
  CHECK(bench.fake.typed == 1);
}

TEST_CASE("warm-up probes are typed first, on the same session, and not counted") {
  Bench bench;
  bench.fake.commands.open();
  bench.line.warmup = 2;
  bench.fake.outputs = {no_answer};
  const Measurement got = bench.measure_once();
  CHECK(got.result.state == LineState::up);
  CHECK(bench.fake.login_count == 1);
  REQUIRE(bench.fake.commands_typed.size() == 2);
  CHECK(bench.fake.commands_typed[0].find("repeat 2 ") != std::string::npos);
  CHECK(bench.fake.commands_typed[1].find("repeat 5 ") != std::string::npos);
  CHECK(got.command == bench.fake.commands_typed[1]);
}

TEST_CASE("a line that is down is asked again so often, and the last answer counts") {
  Bench bench;
  bench.fake.commands.open();
  bench.line.confirm.after = 1ms;
  const auto asked = [&](int confirmations, std::deque<std::string> answers, const char* then) {
    bench.fake.typed = 0;
    bench.fake.outputs = std::move(answers);
    bench.fake.output = then;
    return bench.measure_once({}, confirmations).result.state;
  };
  CHECK(asked(0, {}, no_answer) == LineState::down);
  CHECK(bench.fake.typed == 1);
  CHECK(asked(1, {no_answer}, good_answer) == LineState::up);
  CHECK(bench.fake.typed == 2);
  CHECK(asked(3, {no_answer, no_answer}, good_answer) == LineState::up);
  CHECK(bench.fake.typed == 3);
  CHECK(asked(3, {}, no_answer) == LineState::down);
  CHECK(bench.fake.typed == 4);
  CHECK(asked(3, {}, good_answer) == LineState::up);
  CHECK(bench.fake.typed == 1);
  CHECK(asked(2, {no_answer, no_answer}, "% Invalid source address\n") == LineState::line_error);
}

TEST_CASE("where nobody answers the second question, the first answer stands") {
  for (const int confirmations : {1, 2}) {
    Bench bench;
    bench.fake.commands.open();
    bench.line.confirm.after = 1ms;
    bench.fake.outputs.assign(static_cast<std::size_t>(confirmations), no_answer);
    bench.fake.errors_after = confirmations;
    bench.fake.command_errors.assign(5, {ErrorCode::closed, Phase::read, "r1: closed"});
    const Measurement got = bench.measure_once({}, confirmations);
    CHECK(got.result.state == LineState::down);
    REQUIRE(got.result.figures);
    CHECK(got.result.figures->received == 0);
    CHECK(got.result.error == "no reply: all probes lost");
  }
}

TEST_CASE("a stop in the middle of a confirmation says nothing of the line") {
  Bench bench;
  bench.fake.commands.open();
  bench.fake.output = no_answer;
  bench.line.confirm.after = 1h;
  std::stop_source stop;
  boost::asio::steady_timer timer(bench.loop, 1ms);
  timer.async_wait([stop](boost::system::error_code) mutable { stop.request_stop(); });
  const Measurement got = bench.measure_once(Context(connection::TimePoint::max(), stop.get_token()), 5);
  CHECK(got.result.state == LineState::agent_error);
  CHECK_FALSE(got.result.figures);
  CHECK(got.result.error == "stopped before the line could be measured once more");
}

TEST_CASE("a worker confirms when up turns down, not while the line stays down") {
  Bench bench;
  bench.fake.commands.open();
  bench.fake.output = no_answer;
  bench.line.confirm.times = 1;
  std::vector<aggregator::LineResult> results;
  RouterWorker worker(
      bench.loop.get_executor(), bench.plan(), bench.pool, bench.resolver, connection::Clock::now() - 1000s,
      [&](const aggregator::LineResult& result) { results.push_back(result); }, bench.log);
  worker.start();
  bench.loop.restart();
  while (results.empty()) bench.loop.run_one();
  CHECK(bench.fake.typed == 2);
  while (results.size() < 2) bench.loop.run_one();
  CHECK(bench.fake.typed == 3);
  bench.run(worker.stop(Context().within(5s)));
}

TEST_CASE("every kind of failure has its state") {
  CHECK(state_of({ErrorCode::host_key, Phase::host_key, ""}) == LineState::router_error);
  CHECK(state_of({ErrorCode::authentication, Phase::authentication, ""}) == LineState::router_error);
  CHECK(state_of({ErrorCode::session_limit, Phase::prompt, ""}) == LineState::router_error);
  CHECK(state_of({ErrorCode::deadline, Phase::read, ""}) == LineState::router_error);
  CHECK(state_of({ErrorCode::output_limit, Phase::read, ""}) == LineState::line_error);
  CHECK(state_of({ErrorCode::cancelled, Phase::read, ""}) == LineState::agent_error);
  CHECK(state_of({ErrorCode::acquire_timeout, Phase::waiting, ""}) == LineState::agent_error);
  CHECK(state_of({ErrorCode::shutting_down, Phase::waiting, ""}) == LineState::agent_error);
}

TEST_CASE("a time limit is told from other failures, but that of a login is the router's failure") {
  const auto timed_out = [](ErrorCode code, Phase phase) {
    Measurement measurement;
    fail_with(measurement, {code, phase, ""});
    return measurement.result.timed_out;
  };
  CHECK(timed_out(ErrorCode::deadline, Phase::read));
  CHECK(timed_out(ErrorCode::deadline, Phase::write));
  CHECK(timed_out(ErrorCode::acquire_timeout, Phase::waiting));
  CHECK_FALSE(timed_out(ErrorCode::deadline, Phase::prompt));
  CHECK_FALSE(timed_out(ErrorCode::unreachable, Phase::tcp_connect));
  CHECK_FALSE(timed_out(ErrorCode::closed, Phase::read));
}

TEST_CASE("a worker reports every turn, skips what still runs, and stops in order") {
  Bench bench;
  std::vector<aggregator::LineResult> results;
  const auto epoch = connection::Clock::now() - 1000s;
  bench.router.name = "r1";
  RouterWorker worker(
      bench.loop.get_executor(), bench.plan(), bench.pool, bench.resolver, epoch,
      [&](const aggregator::LineResult& result) { results.push_back(result); }, bench.log);
  worker.start();
  // The first ping hangs until the door opens; the turns that pass meanwhile are skipped, none piles up.
  while (worker.statistics().skipped() < 2) bench.loop.run_one();
  CHECK(worker.statistics().turns == 1);
  CHECK(results.empty());
  bench.fake.commands.open();
  while (results.size() < 2) bench.loop.run_one();
  CHECK(results[0].state == LineState::up);
  bench.run(worker.stop(Context().within(5s)));
  const auto turns = worker.statistics().turns;
  CHECK(results.size() == turns);
}

TEST_CASE("pings that outlast the stop's patience are cancelled and reported as the agent's error") {
  Bench bench;
  std::vector<aggregator::LineResult> results;
  RouterWorker worker(
      bench.loop.get_executor(), bench.plan(), bench.pool, bench.resolver, connection::Clock::now() - 1000s,
      [&](const aggregator::LineResult& result) { results.push_back(result); }, bench.log);
  worker.start();
  while (bench.fake.commands.waiting() == 0) bench.loop.run_one();
  bench.run(worker.stop(Context().within(0s)));
  REQUIRE(results.size() == 1);
  CHECK(results[0].state == LineState::agent_error);
  CHECK(results[0].error.find("cancelled") != std::string::npos);
}

TEST_CASE("a paused line is not measured, its turns count as skipped, and the pause ends by itself") {
  Bench bench;
  bench.fake.commands.open();
  std::vector<aggregator::LineResult> results;
  RouterWorker worker(
      bench.loop.get_executor(), bench.plan(), bench.pool, bench.resolver, connection::Clock::now() - 1000s,
      [&](const aggregator::LineResult& result) { results.push_back(result); }, bench.log);
  worker.start();
  while (results.empty()) bench.loop.run_one();
  CHECK_FALSE(worker.has_line("L-2"));
  REQUIRE(worker.has_line("L-1"));
  CHECK(worker.lines()[0].last->state == LineState::up);
  CHECK(worker.lines()[0].next_due > connection::Clock::now() - 1s);

  worker.pause("L-1", Pauses::until_resumed);
  const auto before = results.size();
  while (worker.statistics().skipped(SkipReason::paused) < 2) bench.loop.run_one();
  CHECK(results.size() == before);
  CHECK(worker.tally().paused == 1);
  CHECK(worker.tally().by_state[static_cast<std::size_t>(LineState::up)] == 1);
  CHECK(worker.statistics().skipped() >= worker.statistics().skipped(SkipReason::paused));
  CHECK(worker.resume("L-1"));
  CHECK_FALSE(worker.resume("L-1"));
  while (results.size() == before) bench.loop.run_one();

  worker.pause(std::nullopt, connection::Clock::now() + 1200ms);
  CHECK(worker.lines()[0].paused_until);
  while (bench.fake.open_sessions > 0) bench.loop.run_one();  // somebody works on the router
  const int logins = bench.fake.login_count;
  const auto until_here = results.size();
  while (results.size() == until_here) bench.loop.run_one();
  CHECK_FALSE(worker.pauses().router_until());
  CHECK(worker.statistics().skipped(SkipReason::paused) >= 3);
  CHECK(bench.fake.login_count == logins + 1);
  bench.run(worker.stop(Context().within(5s)));
}

TEST_CASE(
    "while the login waits for its turn among all of the agent, turns are skipped and are no failures") {
  Bench bench;
  bench.fake.commands.open();
  const auto gate = connection::Gate::make(bench.loop.get_executor(), connection::GateLimits{1, 1, 1e12});
  connection::Gate::Unit taken;  // by another router
  std::optional<connection::Gate::Unit> login;
  const auto take = [](std::shared_ptr<connection::Gate> gate, connection::Gate::Unit& session,
                       std::optional<connection::Gate::Unit>& login) -> connection::Awaitable<void> {
    auto unit = co_await gate->enter(Context(), connection::GateQueue::Rank::first, session);
    login.emplace(std::move(*unit));
  };
  bench.run(take(gate, taken, login));
  bench.run(bench.pool->drain(Context().within(10s)));
  connection::PoolPolicy policy;
  policy.min_connections = 0;
  bench.pool = connection::Pool::make(bench.loop.get_executor(), "r1", policy,
                                      std::make_unique<FakeFactory>(bench.fake), bench.log, gate);
  std::vector<aggregator::LineResult> results;
  RouterWorker worker(
      bench.loop.get_executor(), bench.plan(), bench.pool, bench.resolver, connection::Clock::now() - 1000s,
      [&](const aggregator::LineResult& result) { results.push_back(result); }, bench.log);
  worker.start();
  bench.loop.restart();  // it had run out of work
  while (worker.statistics().skipped(SkipReason::warm_up) == 0) bench.loop.run_one();
  CHECK(results.empty());
  login.reset();
  taken.reset();
  while (results.empty()) bench.loop.run_one();
  CHECK(results[0].state == LineState::up);
  bench.run(worker.stop(Context().within(5s)));
}
