#include "connection/pool/lockout.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/support/fake_session.hpp"
#include "tests/support/sshd.hpp"

using namespace linewatch;
using namespace linewatch::connection;
using namespace std::chrono_literals;
using Admission = LockoutGuard::Admission;
using Outcome = LockoutGuard::Outcome;

namespace {

Account named(const std::string& name) {
  return {name, name, {}};
}

}  // namespace

TEST_CASE(
    "after two rejections an account rests everywhere, then one canary tries and its success frees all") {
  boost::asio::io_context loop;
  LockoutGuard guard(loop.get_executor());
  const Account backbone = named("backbone"), another = named("another");
  TimePoint now{1000s};
  for (int i = 0; i < 2; ++i) {
    CHECK(guard.decide(backbone, now) == Admission::granted);
    guard.report(backbone, Outcome::rejected, now, "r1: the router rejected the password of netmon");
  }
  CHECK(guard.decide(backbone, now + 14min) == Admission::rests);
  CHECK(guard.resting(backbone).find("backbone") != std::string::npos);
  CHECK(guard.resting(backbone).find(" UTC after 2 rejected logins") != std::string::npos);
  CHECK(guard.resting(backbone).find("r1: the router rejected") != std::string::npos);
  CHECK(guard.decide(another, now) == Admission::granted);

  now += 15min;
  CHECK(guard.decide(backbone, now) == Admission::granted);  // the canary
  CHECK(guard.decide(backbone, now) == Admission::wait);     // nobody beside it
  SUBCASE("its success frees all") {
    guard.report(backbone, Outcome::accepted, now);
    for (int i = 0; i < 9; ++i) CHECK(guard.decide(backbone, now) == Admission::granted);
  }
  SUBCASE("its rejection lets the account rest again") {
    guard.report(backbone, Outcome::rejected, now, "no");
    CHECK(guard.decide(backbone, now + 14min) == Admission::rests);
    CHECK(guard.decide(backbone, now + 15min) == Admission::granted);
  }
  SUBCASE("another failure makes room for another canary") {
    guard.report(backbone, Outcome::undecided, now);
    CHECK(guard.decide(backbone, now) == Admission::granted);
  }
}

namespace {

config::Credential credential(const std::string& password) {
  config::Credential credential;
  credential.name = "backbone";
  credential.username = "netmon";
  credential.password = config::Secret(password);
  return credential;
}

}  // namespace

TEST_CASE("a rejected credential rests over a restart, and its file tells nobody what it is") {
  const test::TemporaryFolder folder;
  boost::asio::io_context loop;
  const auto guard = [&] {
    return LockoutGuard(loop.get_executor(), LockoutMemory::open(folder.path()).value());
  };
  TimePoint now = Clock::now();
  {
    LockoutGuard before = guard();
    const Account account = before.account(credential("hunter2"), "r1");
    for (int i = 0; i < 2; ++i) {
      CHECK(before.decide(account, now) == Admission::granted);
      before.report(account, Outcome::rejected, now, "r1: the router rejected the password of netmon");
    }
  }
  Account same;
  {
    LockoutGuard after = guard();
    same = after.account(credential("hunter2"), "r2");
    CHECK(after.decide(same, now) == Admission::rests);
    CHECK(after.resting(same).find("r1: the router rejected") != std::string::npos);
    CHECK(after.decide(after.account(credential("changed"), "r1"), now) == Admission::granted);
    CHECK(test::read_text(folder.path() / "lockout.json").find("hunter2") == std::string::npos);

    CHECK(after.decide(same, now + 16min) == Admission::granted);
    after.report(same, Outcome::accepted, now + 16min);
  }
  LockoutGuard later = guard();
  for (int i = 0; i < 2; ++i) CHECK(later.decide(same, now) == Admission::granted);  // forgotten
}

TEST_CASE("a rejection is remembered by a process that is killed, and no disk holds up who reports it") {
  const test::TemporaryFolder folder;
  boost::asio::io_context loop;
  LockoutGuard guard(loop.get_executor(), LockoutMemory::open(folder.path()).value());
  const auto remembered = [&] { return LockoutMemory::look(folder.path()).all().size(); };
  const Account account = guard.account(credential("hunter2"), "r1");
  CHECK(guard.decide(account, Clock::now()) == Admission::granted);
  guard.report(account, Outcome::rejected, Clock::now(), "no");
  const auto limit = Clock::now() + 30s;  // it has not ended in order
  while (remembered() == 0 && Clock::now() < limit) std::this_thread::yield();
  CHECK(remembered() == 1);

  // A file that cannot be written: its place is taken by a folder that is not empty.
  std::ostringstream logged;
  const auto log = std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged, true));
  {
    LockoutGuard other(loop.get_executor(), LockoutMemory::open(folder.path()).value(), log);
    std::filesystem::remove(folder.path() / "lockout.json");
    std::filesystem::create_directories(folder.path() / "lockout.json" / "taken");
    for (int i = 0; i < 3; ++i) other.report(account, Outcome::rejected, Clock::now(), "no");
  }
  const std::string text = logged.str();
  CHECK(test::count_words(text, "are not remembered over a restart") == 1);
  CHECK(text.find("lockout.json: cannot be written: ") != std::string::npos);
}

TEST_CASE("one identity for each credential as it is, and for each router where the scope says so") {
  const test::TemporaryFolder folder, elsewhere;
  const LockoutMemory memory = LockoutMemory::open(folder.path()).value();
  config::Credential one = credential("a");
  CHECK(memory.identity(one, "r1") == memory.identity(one, "r2"));
  CHECK(memory.identity(one, "r1") != memory.identity(credential("b"), "r1"));
  CHECK(memory.identity(one, "r1") != LockoutMemory::open(elsewhere.path())->identity(one, "r1"));
  CHECK(memory.identity(one, "r1") == LockoutMemory::open(folder.path())->identity(one, "r1"));
  one.lockout.scope = config::Lockout::Scope::router;
  CHECK(memory.identity(one, "r1") != memory.identity(one, "r2"));
}

TEST_CASE("a damaged memory is an error that says what to do") {
  const test::TemporaryFolder folder;
  REQUIRE(LockoutMemory::open(folder.path()));
  for (const char* text :
       {"", "{", "[]", R"({"rejected": {"x": {"count": -1}}})", R"({"rejected": {"x": 1}})",
        R"({"rejected": {"x": {"count": 1, "rests_until": 1e99, "cause": "c"}}})"}) {
    test::write_text(folder.path() / "lockout.json", text);
    const auto memory = LockoutMemory::open(folder.path());
    REQUIRE_FALSE(memory);
    CHECK(memory.error().text.find("lockout.json: is damaged; remove it") != std::string::npos);
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
    logins.push_back({named(account), std::make_unique<test::FakeFactory>(router)});
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

TEST_CASE(
    "a router on which the credential leads nowhere, though nothing was rejected, costs the account "
    "nothing") {
  Fleet fleet;
  test::FakeRouter odd(fleet.loop.get_executor()), good(fleet.loop.get_executor());
  odd.login_error = Error{ErrorCode::no_way_in, Phase::setup, "r1: \"enable\" was refused"};
  for (int i = 0; i < 5; ++i) fleet.add("shared", odd);
  fleet.log_in_all();
  CHECK(odd.login_count == 5);
  CHECK(fleet.errors.size() == 5);
  fleet.add("shared", good);
  fleet.log_in_all();
  CHECK(fleet.good == 1);
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

TEST_CASE("a login that waited for an account's proof until little time was left is not begun") {
  Fleet fleet;
  test::FakeRouter router(fleet.loop.get_executor());
  test::Door slow(fleet.loop.get_executor());
  std::swap(router.logins, slow);
  for (int i = 0; i < 3; ++i) fleet.add("shared", router);
  fleet.log_in_all(Context().within(std::chrono::seconds(2)));
  boost::asio::steady_timer later(fleet.loop, std::chrono::milliseconds(1500));
  later.async_wait([&router](boost::system::error_code) { router.logins.open(); });
  fleet.loop.restart();
  while (fleet.errors.empty()) fleet.loop.run_one();
  fleet.settle();
  CHECK(router.login_count == 2);
  REQUIRE(fleet.errors.size() == 1);
  CHECK(fleet.errors[0].code == ErrorCode::deadline);
}

TEST_CASE("of several credentials the next is tried after a rejection, each under its own account's guard") {
  boost::asio::io_context loop(1);
  LockoutGuard guard(loop.get_executor());
  test::FakeRouter old_password(loop.get_executor()), new_password(loop.get_executor());
  old_password.login_error = Error{ErrorCode::authentication, Phase::authentication, "r1: rejected"};
  std::vector<GuardedLogin> logins;
  logins.push_back({named("old"), std::make_unique<test::FakeFactory>(old_password)});
  logins.push_back({named("new"), std::make_unique<test::FakeFactory>(new_password)});
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
