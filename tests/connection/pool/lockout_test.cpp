#include "connection/pool/lockout.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <vector>

#include "tests/support/fake_session.hpp"

using namespace linewatch;
using namespace linewatch::connection;
using namespace std::chrono_literals;
using Admission = LockoutGuard::Admission;
using Outcome = LockoutGuard::Outcome;

TEST_CASE(
    "after two rejections an account rests everywhere, then one canary tries and its success frees all") {
  boost::asio::io_context loop;
  LockoutGuard guard(loop.get_executor());
  const config::Lockout rule;
  TimePoint now{1000s};
  for (int i = 0; i < 2; ++i) {
    CHECK(guard.decide("backbone", rule, now) == Admission::granted);
    guard.report("backbone", rule, Outcome::rejected, now, "r1: the router rejected the password of netmon");
  }
  CHECK(guard.decide("backbone", rule, now + 14min) == Admission::rests);
  CHECK(guard.resting("backbone").find("backbone") != std::string::npos);
  CHECK(guard.resting("backbone").find(" UTC after 2 rejected logins") != std::string::npos);
  CHECK(guard.resting("backbone").find("r1: the router rejected") != std::string::npos);
  CHECK(guard.decide("another", rule, now) == Admission::granted);

  now += 15min;
  CHECK(guard.decide("backbone", rule, now) == Admission::granted);  // the canary
  CHECK(guard.decide("backbone", rule, now) == Admission::wait);     // nobody beside it
  SUBCASE("its success frees all") {
    guard.report("backbone", rule, Outcome::accepted, now);
    for (int i = 0; i < 9; ++i) CHECK(guard.decide("backbone", rule, now) == Admission::granted);
  }
  SUBCASE("its rejection lets the account rest again") {
    guard.report("backbone", rule, Outcome::rejected, now, "no");
    CHECK(guard.decide("backbone", rule, now + 14min) == Admission::rests);
    CHECK(guard.decide("backbone", rule, now + 15min) == Admission::granted);
  }
  SUBCASE("another failure makes room for another canary") {
    guard.report("backbone", rule, Outcome::undecided, now);
    CHECK(guard.decide("backbone", rule, now) == Admission::granted);
  }
}

namespace {

Awaitable<void> log_in(SessionFactory& factory, Context ctx, std::vector<Error>& errors, int& good) {
  auto session = co_await factory.login(ctx);
  if (session) {
    ++good;
  } else {
    errors.push_back(session.error());
  }
}

struct Fleet {
  void add(std::string account, test::FakeRouter& router) {
    std::vector<GuardedLogin> logins;
    logins.push_back({std::move(account), {}, std::make_unique<test::FakeFactory>(router)});
    factories.push_back(make_guarded_factory(guard, std::move(logins)));
  }
  void log_in_all(Context ctx = {}) {
    for (auto& factory : factories) {
      boost::asio::co_spawn(loop, log_in(*factory, ctx, errors, good), [](std::exception_ptr bug) {
        if (bug) std::rethrow_exception(bug);
      });
    }
    settle();
  }
  void settle() {
    loop.restart();
    while (loop.poll() > 0) loop.restart();
  }

  boost::asio::io_context loop{1};
  LockoutGuard guard{loop.get_executor()};
  std::vector<std::unique_ptr<SessionFactory>> factories;
  std::vector<Error> errors;
  int good = 0;
};

}  // namespace

TEST_CASE("fifty routers that share a rejected account try it twice, however many log in at once") {
  Fleet fleet;
  test::FakeRouter router(fleet.loop.get_executor());
  router.login_error = Error{ErrorCode::authentication, Phase::authentication, "r1: rejected"};
  for (int i = 0; i < 50; ++i) fleet.add("shared", router);
  fleet.log_in_all();
  CHECK(router.login_count == 2);
  CHECK(fleet.errors.size() == 50);
}

TEST_CASE("fifty routers that share a good account wait for its first success and then all log in") {
  Fleet fleet;
  test::FakeRouter router(fleet.loop.get_executor());
  test::Door slow(fleet.loop.get_executor());
  std::swap(router.logins, slow);
  for (int i = 0; i < 50; ++i) fleet.add("shared", router);
  fleet.log_in_all();
  CHECK(router.login_count == 2);
  router.logins.open();
  fleet.settle();
  CHECK(fleet.good == 50);
}

TEST_CASE("a login that waits for an account's proof obeys its stop and its deadline") {
  Fleet fleet;
  test::FakeRouter router(fleet.loop.get_executor());
  test::Door slow(fleet.loop.get_executor());
  std::swap(router.logins, slow);
  std::stop_source stop;
  for (int i = 0; i < 3; ++i) fleet.add("shared", router);
  fleet.log_in_all(Context(TimePoint::max(), stop.get_token()));
  CHECK(fleet.errors.empty());
  stop.request_stop();
  fleet.settle();
  REQUIRE(fleet.errors.size() == 3);
  for (const Error& error : fleet.errors) CHECK(error.code == ErrorCode::cancelled);
}

TEST_CASE("of several credentials the next is tried after a rejection, each under its own account's guard") {
  boost::asio::io_context loop(1);
  LockoutGuard guard(loop.get_executor());
  test::FakeRouter old_password(loop.get_executor()), new_password(loop.get_executor());
  old_password.login_error = Error{ErrorCode::authentication, Phase::authentication, "r1: rejected"};
  std::vector<GuardedLogin> logins;
  logins.push_back({"old", {}, std::make_unique<test::FakeFactory>(old_password)});
  logins.push_back({"new", {}, std::make_unique<test::FakeFactory>(new_password)});
  const auto factory = make_guarded_factory(guard, std::move(logins));
  std::vector<Error> errors;
  int good = 0;
  for (int i = 0; i < 5; ++i) {
    boost::asio::co_spawn(loop, log_in(*factory, Context(), errors, good), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
    loop.restart();
    while (loop.poll() > 0) loop.restart();
  }
  CHECK(good == 5);
  CHECK(old_password.login_count == 2);  // then it rests, though the other succeeds
  CHECK(new_password.login_count == 5);
}
