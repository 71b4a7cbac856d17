// Every combination of what can come of a login, a check, a use, a recovery and a close: each pool must come
// to rest with nothing left, and everybody who asked must be answered. All combinations run at once on one
// loop.

#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

#include "connection/pool/pool.hpp"

namespace linewatch::connection {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

enum class Outcome { ok, error, slow, never };
constexpr int outcomes = 4, operations = 5;
enum Operation { login, check, use, recovery, closing };
using Script = std::array<Outcome, operations>;

Script script_number(int number) {
  Script script{};
  for (Outcome& outcome : script) {
    outcome = static_cast<Outcome>(number % outcomes);
    number /= outcomes;
  }
  return script;
}

// Ends as the script says; `never` ends with its context, as everything real does.
Awaitable<Result<void>> perform(asio::any_io_executor loop, Context ctx, Outcome outcome, Phase phase) {
  if (outcome == Outcome::error) co_return fail(ErrorCode::protocol, phase, "r1: as the script says");
  if (outcome == Outcome::ok) co_return Result<void>();
  const TimePoint end =
      outcome == Outcome::slow ? std::min(ctx.deadline(), Clock::now() + 2ms) : ctx.deadline();
  asio::steady_timer timer(loop, end);
  std::stop_callback on_stop(ctx.stop(), [&timer] { timer.cancel(); });  // stopped on this loop only
  boost::system::error_code ignored;
  if (!ctx.stopped()) co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (ctx.stopped()) co_return fail(ErrorCode::cancelled, phase, "r1: stopped");
  if (outcome == Outcome::never) co_return fail(ErrorCode::deadline, phase, "r1: never");
  co_return Result<void>();
}

struct Seen {
  int sessions = 0, most = 0;
};

class ScriptedSession : public Session {
 public:
  ScriptedSession(asio::any_io_executor loop, Script script, Seen& seen)
      : loop_(std::move(loop)), script_(script), seen_(seen) {
    seen_.most = std::max(seen_.most, ++seen_.sessions);
  }
  ~ScriptedSession() override { --seen_.sessions; }

  Awaitable<Result<CommandOutput>> run(Context ctx, Command) override {
    dirty_ = true;
    auto done = co_await perform(loop_, ctx, script_[use], Phase::read);
    if (!done) co_return std::unexpected<Error>(std::move(done.error()));
    dirty_ = false;
    co_return CommandOutput();
  }
  Awaitable<Result<void>> check(Context ctx) override {
    return perform(loop_, std::move(ctx), script_[Operation::check], Phase::check);
  }
  Awaitable<Result<void>> recover(Context ctx) override {
    auto done = co_await perform(loop_, ctx, script_[recovery], Phase::recover);
    if (done) dirty_ = false;
    co_return done;
  }
  Awaitable<void> close(Context ctx) override {
    auto done = co_await perform(loop_, ctx, script_[closing], Phase::close);
    static_cast<void>(done);
  }
  bool dirty() const override { return dirty_; }
  bool alive() const override { return true; }

 private:
  asio::any_io_executor loop_;
  Script script_;
  Seen& seen_;
  bool dirty_ = false;
};

class ScriptedFactory : public SessionFactory {
 public:
  ScriptedFactory(asio::any_io_executor loop, Script script, Seen& seen)
      : loop_(std::move(loop)), script_(script), seen_(seen) {}
  Awaitable<Result<std::unique_ptr<Session>>> login(Context ctx) override {
    auto done = co_await perform(loop_, ctx, script_[Operation::login], Phase::authentication);
    if (!done) co_return std::unexpected<Error>(std::move(done.error()));
    co_return std::make_unique<ScriptedSession>(loop_, script_, seen_);
  }

 private:
  asio::any_io_executor loop_;
  Script script_;
  Seen& seen_;
};

PoolPolicy hasty() {
  PoolPolicy policy;
  policy.max_connections = 2;
  policy.acquire_timeout = 60ms;
  policy.connect_timeout = policy.health_check_timeout = policy.recover_timeout = policy.close_timeout = 10ms;
  policy.retry_timeout = 20ms;
  policy.health_check_interval = 5ms;
  policy.backoff_first = 5ms;
  policy.max_uses = 3;
  return policy;
}

struct World {
  World(asio::io_context& loop, int number, std::shared_ptr<spdlog::logger> log)
      : script(script_number(number)),
        pool(Pool::make(loop.get_executor(), "r1", hasty(),
                        std::make_unique<ScriptedFactory>(loop.get_executor(), script, seen),
                        std::move(log))) {}
  Script script;
  Seen seen;
  std::shared_ptr<Pool> pool;
  int answered = 0;
  bool drained = false;
};

constexpr int borrowers = 3, uses_each = 3;

Awaitable<void> borrow(World& world) {
  for (int i = 0; i < uses_each; ++i) {
    auto lease = co_await world.pool->acquire(Context());
    ++world.answered;
    if (!lease) continue;
    Session& session = lease->session();
    const Context ctx = Context().within(10ms);
    Command command;
    command.text = "ping";
    auto output = co_await session.run(ctx, std::move(command));
    static_cast<void>(output);
  }
}

Awaitable<void> drain(World& world) {
  co_await world.pool->drain(Context().within(500ms));
  world.drained = true;
}

template <class F>
void on_each(std::vector<std::unique_ptr<World>>& worlds, asio::io_context& loop, int times, F what) {
  for (auto& world : worlds) {
    for (int i = 0; i < times; ++i) {
      asio::co_spawn(loop, what(*world), [](std::exception_ptr bug) {
        if (bug) std::rethrow_exception(bug);
      });
    }
  }
}

TEST_CASE("whatever comes of login, check, use, recovery and close: all are answered and nothing is left") {
  auto log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  asio::io_context loop(1);
  std::vector<std::unique_ptr<World>> worlds;
  for (int number = 0; number < 4 * 4 * 4 * 4 * 4; ++number) {
    worlds.push_back(std::make_unique<World>(loop, number, log));
    worlds.back()->pool->start();
  }
  on_each(worlds, loop, borrowers, borrow);
  const auto all_answered = [&] {
    return std::ranges::all_of(worlds,
                               [](const auto& world) { return world->answered == borrowers * uses_each; });
  };
  while (!all_answered() && loop.run_one() > 0) {
  }
  on_each(worlds, loop, 1, drain);
  loop.run();
  for (int number = 0; number < static_cast<int>(worlds.size()); ++number) {
    const World& world = *worlds[static_cast<std::size_t>(number)];
    CAPTURE(number);
    CHECK(world.answered == borrowers * uses_each);
    CHECK(world.drained);
    CHECK(world.pool->core().live() == 0);
    CHECK(world.seen.sessions == 0);
    CHECK(world.seen.most <= 2);
    const bool comes_in = world.script[login] == Outcome::ok || world.script[login] == Outcome::slow;
    CHECK((world.pool->core().statistics().grants > 0) == comes_in);
  }
}

}  // namespace
}  // namespace linewatch::connection
