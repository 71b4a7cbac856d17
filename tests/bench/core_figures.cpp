// The pool without the router: what a decision costs, and what acquire and release cost with the loop's part.

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "connection/pool/core.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

using namespace connection;
using namespace std::chrono_literals;

namespace {

constexpr int rounds = 5;

// A core with `idle` sessions that nobody uses.
PoolCore core_with_idle(int idle, TimePoint now) {
  PoolPolicy policy;
  policy.max_connections = policy.min_connections = idle;
  policy.max_uses = 1'000'000'000;
  PoolCore core("r1", policy, 1, now);
  core.start(now);
  for (const Action& action : std::vector<Action>(core.actions())) core.login_succeeded(now, action.ticket);
  core.actions().clear();
  if (core.count(SlotState::idle) != idle) give_up("the core has no idle sessions");
  return core;
}

void measure_core_with(int sessions, std::string_view figure, bool with_allocations) {
  constexpr int turns = 1'000'000;
  const TimePoint now = Clock::now();
  PoolCore core = core_with_idle(sessions, now);
  const auto turn = [&] {
    core.acquire(now, TimePoint::max());
    const Ticket ticket = core.actions().back().ticket;
    core.actions().clear();
    core.release(now, ticket, Returned::clean);
    core.actions().clear();
  };
  for (int i = 0; i < 1000; ++i) turn();
  for (int round = 0; round < rounds; ++round) {
    const std::uint64_t allocated = allocations();
    const double cpu = cpu_seconds();
    for (int i = 0; i < turns; ++i) turn();
    print_row(figure, (cpu_seconds() - cpu) / turns * 1e9);
    if (with_allocations) {
      const auto count = static_cast<double>(allocations() - allocated);
      print_row("core.allocations", count / turns);
    }
  }
}

// A session that is always well and never used.
class IdleSession : public Session {
 public:
  Awaitable<Result<CommandOutput>> run(Context, Command) override {
    CommandOutput nothing;
    co_return nothing;
  }
  Awaitable<Result<void>> check(Context) override { co_return Result<void>(); }
  Awaitable<Result<void>> recover(Context) override { co_return Result<void>(); }
  Awaitable<void> close(Context) override { co_return; }
  bool dirty() const override { return false; }
  bool alive() const override { return true; }
};

class IdleFactory : public SessionFactory {
 public:
  Awaitable<Result<std::unique_ptr<Session>>> login(Context) override {
    std::unique_ptr<Session> session = std::make_unique<IdleSession>();
    co_return session;
  }
};

Awaitable<void> take_and_give(Pool& pool, int turns) {
  std::stop_source stop;  // as every task of an agent has one
  const Context ctx(Clock::now() + 1h, stop.get_token());
  for (int i = 0; i < turns; ++i) {
    auto lease = co_await pool.acquire(ctx);
    if (!lease) give_up("no session: " + lease.error().text);
  }
}

}  // namespace

void measure_core() {
  measure_core_with(2, "core.turn", true);
}

void measure_pool() {
  constexpr int turns = 200'000;
  Lab lab(Server{});
  PoolPolicy policy;
  policy.max_uses = 1'000'000'000;
  const auto pool = lab.pool("r1", policy, std::make_unique<IdleFactory>());
  lab.start(take_and_give(*pool, 1000));
  lab.run();
  for (int round = 0; round < rounds; ++round) {
    const double cpu = cpu_seconds();
    const std::uint64_t allocated = allocations();
    lab.start(take_and_give(*pool, turns));
    lab.run();
    print_row("pool.turn", (cpu_seconds() - cpu) / turns * 1e6);
    print_row("pool.allocations", static_cast<double>(allocations() - allocated) / turns);
  }
  lab.start(pool->drain(Context().within(5s)));
  lab.run();
}

}  // namespace linewatch::bench
