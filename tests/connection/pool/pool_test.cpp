#include "connection/pool/pool.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <thread>

#include "tests/support/fake_session.hpp"

using namespace linewatch::connection;
using namespace linewatch::test;
using namespace std::chrono_literals;

namespace {

struct Shell {
  explicit Shell(int max = 2, int min = 0) {
    PoolPolicy policy;
    policy.max_connections = max;
    policy.min_connections = min;
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    pool = Pool::make(loop.get_executor(), "r1", policy, std::make_unique<FakeFactory>(router), log);
  }
  ~Shell() {
    router.logins.open();
    router.closes.open();
    spawn(pool->drain(Context().within(10s)));
    loop.restart();
    loop.run();
    CHECK(router.open_sessions == 0);
  }
  template <class T>
  void spawn(Awaitable<T> operation) {
    boost::asio::co_spawn(loop, std::move(operation), [](std::exception_ptr bug, auto&&...) {
      if (bug) std::rethrow_exception(bug);
    });
  }
  void spawn(Awaitable<void> operation) {
    boost::asio::co_spawn(loop, std::move(operation), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
  }
  void settle() {  // everything that can go on without time passing
    loop.restart();
    while (loop.poll() > 0) loop.restart();
  }

  boost::asio::io_context loop{1};
  FakeRouter router{loop.get_executor()};
  std::shared_ptr<Pool> pool;
};

// Two pools behind one gate.
struct TwoPools {
  TwoPools(GateLimits limits, int max, int min) : gate(Gate::make(loop.get_executor(), limits)) {
    auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    PoolPolicy policy;
    policy.max_connections = max;
    policy.min_connections = min;
    for (int i = 0; i < 2; ++i) {
      pools[i] =
          Pool::make(loop.get_executor(), "r", policy, std::make_unique<FakeFactory>(routers[i]), log, gate);
    }
  }
  ~TwoPools() {
    for (auto& pool : pools) spawn(pool->drain(Context().within(10s)));
    CHECK(gate->queue().sessions() == 0);
    CHECK(gate->queue().logins() == 0);
  }
  void spawn(Awaitable<void> operation) {
    boost::asio::co_spawn(loop, std::move(operation), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
    settle();
  }
  void settle() {
    loop.restart();
    while (loop.poll() > 0) loop.restart();
  }

  boost::asio::io_context loop{1};
  FakeRouter routers[2] = {FakeRouter(loop.get_executor()), FakeRouter(loop.get_executor())};
  std::shared_ptr<Gate> gate;
  std::shared_ptr<Pool> pools[2];
};

struct Got {
  std::optional<Lease> lease;
  std::optional<Error> error;
};

Awaitable<void> acquire_into(std::shared_ptr<Pool> pool, Context ctx, Got& got) {
  auto lease = co_await pool->acquire(ctx);
  if (lease) {
    got.lease.emplace(std::move(*lease));
  } else {
    got.error = lease.error();
  }
}

}  // namespace

TEST_CASE("a lease gives its session back when it goes, and the next caller gets the same session") {
  Shell shell;
  Got first, second;
  shell.spawn(acquire_into(shell.pool, Context(), first));
  shell.settle();
  REQUIRE(first.lease);
  CHECK(first.lease->fresh());
  first.lease.reset();
  shell.spawn(acquire_into(shell.pool, Context(), second));
  shell.settle();
  REQUIRE(second.lease);
  CHECK_FALSE(second.lease->fresh());
  CHECK(shell.router.login_count == 1);
}

TEST_CASE("callers beyond the maximum wait in order") {
  Shell shell(1);
  Got got[3];
  for (Got& each : got) shell.spawn(acquire_into(shell.pool, Context(), each));
  shell.settle();
  CHECK(got[0].lease);
  CHECK_FALSE(got[1].lease);
  got[0].lease->give_back();
  shell.settle();
  CHECK(got[1].lease);
  CHECK_FALSE(got[2].lease);
  got[1].lease->give_back();
  shell.settle();
  CHECK(got[2].lease);
  CHECK(shell.router.most_sessions == 1);
}

TEST_CASE("others are served while a login takes its time") {
  Shell shell(2);
  Got first, second, third;
  shell.spawn(acquire_into(shell.pool, Context(), first));
  shell.settle();
  Door slow(shell.loop.get_executor());
  std::swap(shell.router.logins, slow);
  shell.spawn(acquire_into(shell.pool, Context(), second));
  shell.settle();
  CHECK(shell.pool->core().count(SlotState::connecting) == 1);
  first.lease->give_back();
  shell.settle();
  CHECK(second.lease);  // by the session that came free, before the login ended
  second.lease->give_back();
  shell.spawn(acquire_into(shell.pool, Context(), third));
  shell.settle();
  CHECK(third.lease);
}

TEST_CASE("a stop from another thread ends the wait, and the slow login still serves the next caller") {
  Shell shell(1);
  Door slow(shell.loop.get_executor());
  std::swap(shell.router.logins, slow);
  std::stop_source stop;
  Got cancelled, next;
  shell.spawn(acquire_into(shell.pool, Context(TimePoint::max(), stop.get_token()), cancelled));
  shell.settle();
  std::jthread([&] { stop.request_stop(); }).join();
  shell.settle();
  REQUIRE(cancelled.error);
  CHECK(cancelled.error->code == ErrorCode::cancelled);
  shell.spawn(acquire_into(shell.pool, Context(), next));
  shell.router.logins.open();
  shell.settle();
  CHECK(next.lease);
  CHECK(shell.router.login_count == 1);
}

TEST_CASE("a deadline ends the wait with the pool's limits in the error") {
  Shell shell(1);
  Got holder, late;
  shell.spawn(acquire_into(shell.pool, Context(), holder));
  shell.settle();
  shell.spawn(acquire_into(shell.pool, Context().within(20ms), late));
  shell.loop.restart();
  while (!late.error) shell.loop.run_one();
  CHECK(late.error->code == ErrorCode::acquire_timeout);
  CHECK(late.error->text.find("max_connections 1") != std::string::npos);
}

TEST_CASE("a failed login is tried retry_max_attempts times, a rejected password once") {
  Shell shell(1);
  shell.router.login_error = Error{ErrorCode::unreachable, Phase::tcp_connect, "r1: connection refused"};
  Got got;
  shell.spawn(acquire_into(shell.pool, Context(), got));
  shell.settle();
  REQUIRE(got.error);
  CHECK(got.error->code == ErrorCode::unreachable);
  CHECK(shell.router.login_count == 2);

  Shell other(1);
  other.router.login_error = Error{ErrorCode::authentication, Phase::authentication, "r1: rejected"};
  Got rejected;
  other.spawn(acquire_into(other.pool, Context(), rejected));
  other.settle();
  REQUIRE(rejected.error);
  CHECK(other.router.login_count == 1);
}

TEST_CASE("a session that a command left dirty is recovered before the next caller has it") {
  Shell shell(1);
  Got first, second;
  std::stop_source stop;
  shell.spawn(acquire_into(shell.pool, Context(), first));
  shell.settle();
  Session& session = first.lease->session();
  Command command;
  command.text = "ping";
  shell.spawn(session.run(Context(TimePoint::max(), stop.get_token()), std::move(command)));
  shell.settle();
  stop.request_stop();
  shell.settle();
  first.lease->give_back();
  shell.spawn(acquire_into(shell.pool, Context(), second));
  shell.settle();
  CHECK(second.lease);
  CHECK(shell.router.recoveries == 1);
}

TEST_CASE("an idle session that the router closes is replaced at once, a borrowed one is its borrower's") {
  Shell shell(2, 1);
  shell.pool->start();
  Got got;
  shell.spawn(acquire_into(shell.pool, Context(), got));
  shell.settle();
  REQUIRE(got.lease);
  got.lease->give_back();
  shell.settle();
  shell.router.hang_up();
  shell.settle();
  CHECK(shell.router.login_count == 2);
  CHECK(shell.pool->core().count(SlotState::idle) == 1);
  shell.spawn(acquire_into(shell.pool, Context(), got));
  shell.settle();
  REQUIRE(got.lease);
  shell.router.hang_up();
  shell.settle();
  CHECK(shell.pool->core().count(SlotState::leased) == 1);
  got.lease->give_back();
  shell.settle();
  CHECK(shell.pool->core().statistics().closed_for[static_cast<std::size_t>(CloseReason::lost)] == 2);
}

TEST_CASE("min_connections are logged in without a caller") {
  Shell shell(3, 2);
  shell.pool->start();
  shell.settle();
  CHECK(shell.router.open_sessions == 2);
}

TEST_CASE("a higher and a lower maximum take effect while sessions are borrowed") {
  Shell shell(1);
  Got got[3];
  for (Got& each : got) shell.spawn(acquire_into(shell.pool, Context(), each));
  shell.settle();
  CHECK_FALSE(got[1].lease);
  PoolPolicy policy = shell.pool->core().policy();
  policy.max_connections = 3;
  shell.pool->reconfigure(policy);
  shell.settle();
  CHECK(got[2].lease);
  policy.max_connections = 1;
  policy.min_connections = 0;
  shell.pool->reconfigure(policy);
  for (Got& each : got) each.lease->give_back();
  shell.settle();
  CHECK(shell.router.open_sessions == 1);
  CHECK(shell.pool->snapshot().sessions.size() == 1);
}

TEST_CASE("changed credentials: the next session is the new factory's, the borrowed one is used to its end") {
  Shell shell(1);
  Got first, second;
  shell.spawn(acquire_into(shell.pool, Context(), first));
  shell.settle();
  FakeRouter renewed{shell.loop.get_executor()};
  shell.pool->renew(std::make_unique<FakeFactory>(renewed));
  shell.spawn(acquire_into(shell.pool, Context(), second));
  shell.settle();
  CHECK(first.lease);
  CHECK_FALSE(second.lease);
  first.lease->give_back();
  shell.settle();
  CHECK(second.lease);
  CHECK(renewed.login_count == 1);
  CHECK(shell.router.open_sessions == 0);
  second.lease.reset();
  shell.router.logins.open();
  shell.spawn(shell.pool->drain(Context().within(10s)));
  shell.settle();
  CHECK(renewed.open_sessions == 0);
}

TEST_CASE("the gate holds a login back, and a replaced session keeps its unit") {
  TwoPools two({1, 1, 1e12}, 1, 0);
  Got first, held_back, again;
  two.spawn(acquire_into(two.pools[0], Context(), first));
  REQUIRE(first.lease);
  two.spawn(acquire_into(two.pools[1], Context().within(20ms), held_back));
  CHECK(two.gate->queue().waiting() == 1);
  two.loop.restart();
  while (!held_back.error) two.loop.run_one();
  CHECK(held_back.error->code == ErrorCode::held_back);
  two.pools[0]->renew(std::make_unique<FakeFactory>(two.routers[0]));
  first.lease.reset();  // worn by now: closed
  two.settle();
  CHECK(two.gate->queue().sessions() == 1);  // the other router's, whose login had waited
  CHECK(two.routers[1].login_count == 1);
  CHECK(two.routers[0].open_sessions == 0);
  two.spawn(acquire_into(two.pools[1], Context(), again));
  CHECK(again.lease);
}

TEST_CASE("a snapshot names who holds each session") {
  Shell shell(2);
  std::optional<Lease> lease;
  const auto borrow = [](std::shared_ptr<Pool> pool, std::optional<Lease>& lease) -> Awaitable<void> {
    auto got = co_await pool->acquire(Context(), "L-1001");
    lease.emplace(std::move(*got));
  };
  shell.spawn(borrow(shell.pool, lease));
  shell.settle();
  const PoolSnapshot shot = shell.pool->snapshot();
  REQUIRE(shot.sessions.size() == 1);
  CHECK(shot.sessions[0].holder == "L-1001");
  CHECK(shot.sessions[0].state == SlotState::leased);
  CHECK(shot.sessions[0].uses == 1);
}

TEST_CASE("a drain waits for leases, and drops what does not come back in time") {
  Shell shell(2);
  Got held;
  shell.spawn(acquire_into(shell.pool, Context(), held));
  shell.settle();
  bool done = false;
  const auto drain = [](std::shared_ptr<Pool> pool, bool& flag) -> Awaitable<void> {
    co_await pool->drain(Context());
    flag = true;
  };
  shell.spawn(drain(shell.pool, done));
  shell.settle();
  CHECK_FALSE(done);
  held.lease->give_back();
  shell.settle();
  CHECK(done);
  CHECK(shell.router.open_sessions == 0);
}

TEST_CASE("who takes a router over logs in when the last session there before has been logged out") {
  Shell shell(1, 1);
  shell.pool->start();
  shell.settle();
  REQUIRE(shell.router.open_sessions == 1);
  auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  const auto newcomer = Pool::make(shell.loop.get_executor(), "r1", shell.pool->core().policy(),
                                   std::make_unique<FakeFactory>(shell.router), log);
  Door slow(shell.loop.get_executor());
  std::swap(shell.router.closes, slow);
  shell.spawn(shell.pool->drain(Context().within(10s)));
  newcomer->follow(shell.pool);
  newcomer->start();
  shell.settle();
  CHECK(shell.router.login_count == 1);
  shell.router.closes.open();
  shell.settle();
  CHECK(shell.router.login_count == 2);
  CHECK(shell.router.most_sessions == 1);
  shell.spawn(newcomer->drain(Context().within(10s)));
  shell.settle();
}

TEST_CASE("who waits for another pool's end can be drained meanwhile") {
  Shell shell(1, 1);
  shell.pool->start();
  shell.settle();
  auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  const auto newcomer = Pool::make(shell.loop.get_executor(), "r1", shell.pool->core().policy(),
                                   std::make_unique<FakeFactory>(shell.router), log);
  newcomer->follow(shell.pool);
  newcomer->start();
  shell.settle();
  bool done = false;
  const auto drain = [](std::shared_ptr<Pool> pool, bool& flag) -> Awaitable<void> {
    co_await pool->drain(Context());
    flag = true;
  };
  shell.spawn(drain(newcomer, done));
  shell.settle();
  CHECK(done);
  CHECK(shell.router.login_count == 1);
}

TEST_CASE("a router's first login goes before another's second, though that one asked earlier") {
  TwoPools two({10, 1, 1e12}, 2, 0);
  Door slow(two.loop.get_executor()), also_slow(two.loop.get_executor());
  std::swap(two.routers[0].logins, slow);
  std::swap(two.routers[1].logins, also_slow);
  Got first, second, other;
  two.spawn(acquire_into(two.pools[0], Context(), first));
  two.spawn(acquire_into(two.pools[0], Context(), second));  // a second login of the same pool queues
  two.spawn(acquire_into(two.pools[1], Context(), other));
  CHECK(two.routers[0].login_count == 1);
  CHECK(two.gate->queue().waiting() == 2);
  two.routers[0].logins.open();
  two.settle();
  CHECK(two.routers[1].login_count == 1);
  CHECK(two.routers[0].login_count == 1);
  two.routers[1].logins.open();
  two.settle();
  CHECK(other.lease);
  CHECK(second.lease);
}

TEST_CASE("a session that is replaced keeps its place among those of the agent") {
  TwoPools two({1, 1, 1e12}, 1, 1);
  for (auto& pool : two.pools) pool->start();
  two.settle();
  CHECK(two.routers[0].login_count == 1);
  CHECK(two.gate->queue().waiting() == 1);  // the other router's
  two.pools[0]->renew(std::make_unique<FakeFactory>(two.routers[0]));
  two.settle();
  CHECK(two.routers[0].login_count == 2);
  CHECK(two.routers[0].open_sessions == 1);
  CHECK(two.routers[1].login_count == 0);
}

TEST_CASE("a session that is replaced keeps its place also where its successor takes another slot") {
  TwoPools two({2, 2, 1e12}, 2, 1);
  two.pools[0]->start();
  two.settle();
  Got first, second;
  two.spawn(acquire_into(two.pools[0], Context(), first));
  two.spawn(acquire_into(two.pools[0], Context(), second));
  REQUIRE(first.lease);
  REQUIRE(second.lease);
  second.lease->give_back();
  two.routers[0].commands.open();
  two.routers[0].command_errors = {Error{ErrorCode::closed, Phase::read, "r: closed"}};
  const auto use = [](Lease& lease) -> Awaitable<void> {
    Command command;
    command.text = "x";
    static_cast<void>(co_await lease.session().run(Context(), std::move(command)));
    lease.give_back();
  };
  two.spawn(use(*first.lease));
  REQUIRE(two.routers[0].open_sessions == 1);  // in the second slot
  two.gate->set_limits({1, 1, 1e12});
  two.pools[1]->start();
  two.settle();
  CHECK(two.gate->queue().waiting() == 1);
  two.pools[0]->renew(std::make_unique<FakeFactory>(two.routers[0]));
  two.settle();
  CHECK(two.routers[0].login_count == 3);
  CHECK(two.routers[0].open_sessions == 1);
  CHECK(two.routers[1].login_count == 0);
}
