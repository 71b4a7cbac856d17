#include "connection/resolver.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/connection/cli/scripted_channel.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::run_on;
namespace asio = boost::asio;

// A lookup that hangs until it is let go; shared, since a thread may hang in it longer than the test.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int entered = 0;

  void pass() {
    std::unique_lock lock(mutex);
    ++entered;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
  }
  void let_go() {
    const std::scoped_lock lock(mutex);
    open = true;
    changed.notify_all();
  }
  void await_entered(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return entered >= count; });
  }
};

const auto address = asio::ip::make_address("192.0.2.7");

}  // namespace

TEST_CASE("literals are answered without a thread") {
  asio::io_context loop;
  Resolver resolver(1, [](const std::string&, int) -> std::expected<Resolver::Addresses, std::string> {
    FAIL("nothing to look up");
    return Resolver::Addresses();
  });
  const auto v4 = run_on(loop, resolver.resolve(Context(), "192.0.2.1"));
  REQUIRE(v4);
  CHECK(v4->at(0).to_string() == "192.0.2.1");
  const auto v6 = run_on(loop, resolver.resolve(Context(), "2001:db8::1"));
  REQUIRE(v6);
  CHECK(v6->at(0).to_string() == "2001:db8::1");
  const auto mismatch = run_on(loop, resolver.resolve(Context(), "2001:db8::1", 4));
  REQUIRE_FALSE(mismatch);
  CHECK(mismatch.error().code == ErrorCode::resolve);
}

TEST_CASE("the system's names are found, and a failure says which and why") {
  asio::io_context loop;
  Resolver resolver;
  const auto local = run_on(loop, resolver.resolve(Context(), "localhost", 4));
  REQUIRE(local);
  CHECK(local->at(0).is_loopback());
}

TEST_CASE("an answer is kept, a failure, too") {
  asio::io_context loop;
  std::atomic<int> asked = 0;
  Resolver resolver(2, [&](const std::string& host, int) -> std::expected<Resolver::Addresses, std::string> {
    ++asked;
    if (host == "bad") return std::unexpected("no such name");
    return Resolver::Addresses{address};
  });
  for (int i = 0; i < 3; ++i) {
    const auto good = run_on(loop, resolver.resolve(Context(), "good"));
    REQUIRE(good);
    CHECK(good->at(0) == address);
    const auto bad = run_on(loop, resolver.resolve(Context(), "bad"));
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code == ErrorCode::resolve);
    CHECK(bad.error().text == "the name bad cannot be resolved: no such name");
  }
  CHECK(asked == 2);
}

TEST_CASE("a hanging lookup delays neither the deadline nor the stop nor the end") {
  const auto gate = std::make_shared<Gate>();
  {
    asio::io_context loop;
    Resolver resolver(1, [gate](const std::string&, int) -> std::expected<Resolver::Addresses, std::string> {
      gate->pass();
      return Resolver::Addresses{address};
    });
    const auto late = run_on(loop, resolver.resolve(Context().within(20ms), "slow"));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == ErrorCode::deadline);
    CHECK(late.error().phase == Phase::resolve);

    std::stop_source stop;
    std::thread stopper([&] {
      gate->await_entered(1);
      stop.request_stop();
    });
    const auto stopped = run_on(loop, resolver.resolve(Context().stopped_by(stop.get_token()), "slow"));
    stopper.join();
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().code == ErrorCode::cancelled);
    CHECK_FALSE(run_on(loop, resolver.resolve(Context().stopped_by(stop.get_token()), "slow")));
  }  // neither waits for the thread
  gate->let_go();
}

TEST_CASE("one lookup answers all who ask, on several loops") {
  const auto gate = std::make_shared<Gate>();
  std::atomic<int> asked = 0;
  Resolver resolver(
      2, [&asked, gate](const std::string&, int) -> std::expected<Resolver::Addresses, std::string> {
        ++asked;
        gate->pass();
        return Resolver::Addresses{address};
      });
  std::atomic<int> answered = 0;
  const auto ask = [&] {
    asio::io_context loop;
    for (int i = 0; i < 10; ++i) {
      asio::co_spawn(loop, resolver.resolve(Context().within(30s), "name"),
                     [&](std::exception_ptr, auto result) {
                       if (result && result->at(0) == address) ++answered;
                     });
    }
    asio::post(loop, [&] { gate->let_go(); });
    loop.run();
  };
  std::thread one(ask), other(ask);
  one.join();
  other.join();
  CHECK(answered == 20);
  CHECK(asked == 1);
}

TEST_CASE("a loop may go while its lookup still runs") {
  const auto gate = std::make_shared<Gate>();
  Resolver resolver(1, [gate](const std::string&, int) -> std::expected<Resolver::Addresses, std::string> {
    gate->pass();
    return Resolver::Addresses{address};
  });
  {
    asio::io_context loop;
    asio::co_spawn(loop, resolver.resolve(Context().within(30s), "slow"), [](std::exception_ptr, auto) {});
    loop.poll();
    gate->await_entered(1);
  }
  gate->let_go();
  asio::io_context loop;
  CHECK(run_on(loop, resolver.resolve(Context().within(30s), "slow")));
}

TEST_CASE("names that wait are bounded") {
  const auto gate = std::make_shared<Gate>();
  asio::io_context loop;
  int refused = 0, done = 0;
  {
    Resolver resolver(1, [gate](const std::string&, int) -> std::expected<Resolver::Addresses, std::string> {
      gate->pass();
      return Resolver::Addresses{address};
    });
    for (int i = 0; i < 1100; ++i) {
      asio::co_spawn(loop, resolver.resolve(Context().within(100ms), "name" + std::to_string(i)),
                     [&](std::exception_ptr, auto result) {
                       ++done;
                       if (!result && result.error().code == ErrorCode::too_many_waiters) ++refused;
                     });
    }
    loop.run();
  }
  CHECK(done == 1100);
  CHECK(refused >= 70);
  gate->let_go();
}

}  // namespace linewatch::connection
