#include "connection/pool/gate.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <random>

using namespace linewatch::connection;
using namespace std::chrono_literals;
using Rank = GateQueue::Rank;

namespace {

constexpr GateLimits wide{1'000'000, 1'000'000, 1e12};  // practically no rate

}  // namespace

TEST_CASE("logins are let in evenly, at most so many a second") {
  GateLimits limits = wide;
  limits.logins_per_second = 50;
  GateQueue queue(limits);
  for (int i = 0; i < 200; ++i) queue.ask(Rank::first);
  TimePoint now{1000s};
  std::size_t in = 0;
  for (int tick = 0; tick < 1000; ++tick, now += 1ms) in += queue.let_in(now).size();
  CHECK(in >= 50);
  CHECK(in <= 52);
  CHECK(queue.next_wakeup() >= now - 1ms);
  CHECK(queue.next_wakeup() <= now + 20ms);
}

TEST_CASE("never more logins under way, nor more sessions, than the gate has") {
  GateLimits limits = wide;
  limits.logins = 3;
  limits.sessions = 5;
  GateQueue queue(limits);
  const TimePoint now{1000s};
  for (int i = 0; i < 10; ++i) queue.ask(Rank::first);
  CHECK(queue.let_in(now).size() == 3);
  CHECK(queue.let_in(now + 1s).empty());
  CHECK(queue.next_wakeup() == TimePoint::max());  // only an end lets the next one in
  for (int i = 0; i < 3; ++i) queue.login_ended();
  CHECK(queue.let_in(now + 2s).size() == 2);
  for (int i = 0; i < 2; ++i) queue.login_ended();
  CHECK(queue.let_in(now + 3s).empty());
  queue.session_ended();
  CHECK(queue.let_in(now + 4s).size() == 1);
  CHECK(queue.sessions() == 5);
}

TEST_CASE("a router without a session goes before another's second, a replacement before both") {
  GateLimits limits = wide;
  limits.logins = 1;
  GateQueue queue(limits);
  const TimePoint now{1000s};
  const auto further = queue.ask(Rank::further), first = queue.ask(Rank::first),
             second = queue.ask(Rank::first), renewal = queue.ask(Rank::renewal);
  for (const auto expected : {renewal, first, second, further}) {
    const auto in = queue.let_in(now);
    REQUIRE(in.size() == 1);
    CHECK(in[0] == expected);
    queue.login_ended();
  }
  CHECK(queue.sessions() == 3);  // the replacement's was held all the time
}

TEST_CASE("who withdraws is not let in, and holds nothing") {
  GateQueue queue(wide);
  const auto id = queue.ask(Rank::first);
  CHECK(queue.withdraw(id));
  CHECK_FALSE(queue.withdraw(id));
  CHECK(queue.let_in(TimePoint{1000s}).empty());
  CHECK(queue.waiting() == 0);
}

TEST_CASE("the gate: units come back, a stop ends the wait, and nothing is left") {
  boost::asio::io_context loop(1);
  GateLimits limits = wide;
  limits.logins = 1;
  const auto gate = Gate::make(loop.get_executor(), limits);
  Gate::Unit sessions[3];
  std::optional<Result<Gate::Unit>> got[3];
  std::stop_source stop;
  const auto enter = [](std::shared_ptr<Gate> gate, Context ctx, Gate::Unit& session,
                        std::optional<Result<Gate::Unit>>& got) -> Awaitable<void> {
    got = co_await gate->enter(ctx, Rank::first, session);
  };
  for (int i = 0; i < 3; ++i) {
    const Context ctx = i == 1 ? Context().stopped_by(stop.get_token()) : Context();
    boost::asio::co_spawn(loop, enter(gate, ctx, sessions[i], got[i]), boost::asio::detached);
  }
  loop.poll();
  REQUIRE(got[0]);
  CHECK(got[0]->has_value());
  CHECK(sessions[0]);
  CHECK_FALSE(got[1]);
  stop.request_stop();
  loop.restart();
  loop.poll();
  REQUIRE(got[1]);
  CHECK(got[1]->error().code == ErrorCode::cancelled);
  CHECK_FALSE(sessions[1]);
  got[0].reset();  // the first login ends
  loop.restart();
  loop.poll();
  REQUIRE(got[2]);
  CHECK(got[2]->has_value());
  CHECK(gate->queue().sessions() == 2);
  got[2].reset();
  for (Gate::Unit& session : sessions) session.reset();
  CHECK(gate->queue().sessions() == 0);
  CHECK(gate->queue().logins() == 0);
  CHECK(gate->queue().waiting() == 0);
}
