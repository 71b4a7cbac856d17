// Idle sessions of a pool whose router closes the connection: nobody has to ask.

#include <doctest/doctest.h>
#include <signal.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <sstream>
#include <utility>

#include "connection/pool/pool.hpp"
#include "tests/connection/ssh/lab.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using linewatch::test::Sshd;
using test::Lab;
using test::no_sshd;
using test::open_descriptors;

struct PoolLab : Lab {
  explicit PoolLab(const Sshd& sshd)
      : Lab(sshd),
        log(std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged, true))) {
    log->set_pattern("%v");
  }
  std::shared_ptr<Pool> pool(int min) {
    PoolPolicy policy;
    policy.max_connections = 3;
    policy.min_connections = min;
    auto factory = make_ssh_session_factory(loop.get_executor(), resolver, host_keys, access, log);
    return Pool::make(loop.get_executor(), "lab-1", policy, std::move(factory), log);
  }
  template <class Condition>
  void run_until(Condition condition) {
    loop.restart();
    const auto limit = Clock::now() + 60s;
    while (!condition() && Clock::now() < limit) loop.run_one_for(1s);
    REQUIRE(condition());
  }
  void drain(Pool& pool) {
    bool done = false;
    boost::asio::co_spawn(loop, pool.drain(Context().within(10s)), [&](std::exception_ptr) { done = true; });
    run_until([&] { return done; });
  }

  std::ostringstream logged;
  std::shared_ptr<spdlog::logger> log;
};

std::uint64_t lost(const Pool& pool) {
  return pool.core().statistics().closed_for[static_cast<std::size_t>(CloseReason::lost)];
}

Awaitable<void> borrow(std::shared_ptr<Pool> pool, std::string command, std::optional<Error>& error,
                       int& done) {
  auto lease = co_await pool->acquire(Context().within(30s));
  REQUIRE(lease.has_value());
  Command what;
  what.text = std::move(command);
  Session& session = lease->session();
  const Context ctx = Context().within(30s);
  auto output = co_await session.run(ctx, std::move(what));
  if (!output) error = output.error();
  ++done;
}

}  // namespace

TEST_CASE("a session whose connection is closed while it idles is noticed at once, said and replaced") {
  if (no_sshd()) return;
  const Sshd sshd;
  PoolLab lab(sshd);
  const auto pool = lab.pool(2);
  pool->start();
  lab.run_until([&] { return pool->core().count(SlotState::idle) == 2; });
  const int before = open_descriptors();
  for (const pid_t serving : sshd.connections()) ::kill(serving, SIGKILL);
  lab.run_until([&] { return lost(*pool) == 2 && pool->core().count(SlotState::idle) == 2; });
  CHECK(pool->core().statistics().created == 4);
  CHECK(pool->core().statistics().health_check_failures == 0);
  CHECK(lab.logged.str().find("the router closed an idle session router=lab-1") != std::string::npos);
  CHECK(open_descriptors() == before);
  lab.drain(*pool);
  lab.loop.restart();
  lab.loop.run();  // nobody is heard for any more, so nothing is left that waits
}

TEST_CASE("a borrower is not disturbed by the watch of idle sessions") {
  if (no_sshd()) return;
  const Sshd sshd;
  PoolLab lab(sshd);
  const auto pool = lab.pool(0);
  std::optional<Error> error;
  int done = 0;
  SUBCASE("while its router talks") {
    for (int i = 0; i < 20; ++i) {
      boost::asio::co_spawn(lab.loop, borrow(pool, "seq 1 2000", error, done), [](std::exception_ptr) {});
      lab.run_until([&] { return done == i + 1; });
    }
    CHECK_FALSE(error);
    CHECK(lost(*pool) == 0);
  }
  SUBCASE("when its router closes in mid-command: it is told, and the session is closed once") {
    boost::asio::co_spawn(lab.loop, borrow(pool, "kill -9 $PPID $$", error, done), [](std::exception_ptr) {});
    lab.run_until([&] { return done == 1 && pool->core().live() == 0; });
    REQUIRE(error);
    CHECK(error->code == ErrorCode::closed);
    CHECK(lost(*pool) == 1);
    CHECK(pool->core().statistics().closed == 1);
    CHECK(lab.logged.str().find("idle session") == std::string::npos);
  }
  lab.drain(*pool);
}

}  // namespace linewatch::connection
