#pragma once
// Sessions and a factory that do as a test says, for the pool's shell and the worker: no router, no socket,
// no clock. Only what surrounds the session is under test where these are used; real sessions have their own
// tests.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "connection/session.hpp"

namespace linewatch::test {

// A door that a coroutine waits at until the test opens it or the coroutine's context stops it.
class Door {
 public:
  explicit Door(boost::asio::any_io_executor loop)
      : loop_(loop), timer_(loop, connection::TimePoint::max()) {}
  void open() {
    open_ = true;
    timer_.cancel();
  }
  int waiting() const { return waiting_; }

  // False if the context's stop came first.
  connection::Awaitable<bool> pass(connection::Context ctx) {
    std::stop_callback on_stop(ctx.stop(), [this] { boost::asio::post(loop_, [this] { timer_.cancel(); }); });
    boost::system::error_code ignored;
    ++waiting_;
    while (!open_ && !ctx.stopped())
      co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    --waiting_;
    co_return open_;
  }

 private:
  boost::asio::any_io_executor loop_;
  boost::asio::steady_timer timer_;
  bool open_ = false;
  int waiting_ = 0;
};

// What the fake router is like; shared by its sessions, changed by the test.
struct FakeRouter {
  explicit FakeRouter(boost::asio::any_io_executor executor)
      : loop(executor), commands(executor), logins(executor), closes(executor) {
    logins.open();
    closes.open();
  }
  boost::asio::any_io_executor loop;
  Door commands, logins, closes;  // commands wait until opened; logins and closes pass unless made to wait
  // The router closes all connections.
  void hang_up() {
    ++hang_ups;
    for (const auto& gone : std::exchange(hung_up, {})) boost::asio::post(loop, gone);
  }
  int hang_ups = 0;
  std::vector<std::function<void()>> hung_up;  // told of that
  std::vector<std::string> commands_typed;
  std::vector<int> typed_on;             // ... by the number of the login that made the session
  std::multiset<std::string> under_way;  // commands that were typed and have no answer yet
  std::string stuck = "nothing";         // commands that hold this text wait at the door `unstuck`, too
  Door unstuck{loop};
  connection::Clock::duration takes{};  // every command, besides
  int open_sessions = 0, most_sessions = 0, login_count = 0, recoveries = 0, typed = 0;
  std::string output;                             // what every command prints
  std::deque<std::string> outputs;                // ... but first these, one by one
  std::optional<connection::Error> login_error;   // fails each login
  std::vector<connection::Error> command_errors;  // taken one by one, first those of reused sessions
  int errors_after = 0;                           // ... when so many commands were typed
};

class FakeSession : public connection::Session {
 public:
  explicit FakeSession(FakeRouter& router) : router_(router) {
    ++router_.open_sessions;
    router_.most_sessions = std::max(router_.most_sessions, router_.open_sessions);
  }
  ~FakeSession() override { --router_.open_sessions; }

  connection::Awaitable<connection::Result<connection::CommandOutput>> run(
      connection::Context ctx, connection::Command command) override {
    ++router_.typed;
    router_.commands_typed.push_back(command.text);
    router_.typed_on.push_back(number_);
    dirty_ = true;
    const auto began = std::chrono::system_clock::now();
    router_.under_way.insert(command.text);
    const bool unstuck = co_await pass_doors(ctx, command.text);
    router_.under_way.erase(router_.under_way.find(command.text));
    if (!unstuck)
      co_return connection::fail(connection::ErrorCode::cancelled, connection::Phase::read, "r1: cancelled");
    if (router_.typed > router_.errors_after && !router_.command_errors.empty()) {
      connection::Error error = router_.command_errors.front();
      router_.command_errors.erase(router_.command_errors.begin());
      alive_ = error.code != connection::ErrorCode::closed;
      co_return std::unexpected(std::move(error));
    }
    dirty_ = false;
    connection::CommandOutput output;
    output.text = router_.output;
    if (!router_.outputs.empty()) {
      output.text = std::move(router_.outputs.front());
      router_.outputs.pop_front();
    }
    output.typed = began;
    co_return output;
  }
  connection::Awaitable<connection::Result<void>> check(connection::Context) override {
    co_return connection::Result<void>();
  }
  connection::Awaitable<connection::Result<void>> recover(connection::Context) override {
    ++router_.recoveries;
    dirty_ = false;
    co_return connection::Result<void>();
  }
  connection::Awaitable<void> close(connection::Context ctx) override { co_await router_.closes.pass(ctx); }
  bool dirty() const override { return dirty_; }
  bool alive() const override { return alive_ && router_.hang_ups == hang_ups_before_; }
  void on_hang_up(std::function<void()> gone) override { router_.hung_up.push_back(std::move(gone)); }

 private:
  connection::Awaitable<bool> pass_doors(connection::Context ctx, std::string text) {
    bool passed = co_await router_.commands.pass(ctx);
    if (passed && text.find(router_.stuck) != std::string::npos) passed = co_await router_.unstuck.pass(ctx);
    if (passed && router_.takes > connection::Clock::duration::zero()) {
      boost::system::error_code ignored;
      boost::asio::steady_timer answered(router_.loop, router_.takes);
      co_await answered.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    co_return passed;
  }

  FakeRouter& router_;
  const int number_ = router_.login_count;
  const int hang_ups_before_ = router_.hang_ups;
  bool dirty_ = false;
  bool alive_ = true;
};

class FakeFactory : public connection::SessionFactory {
 public:
  explicit FakeFactory(FakeRouter& router) : router_(router) {}
  connection::Awaitable<connection::Result<std::unique_ptr<connection::Session>>> login(
      connection::Context ctx) override {
    ++router_.login_count;
    const bool passed = co_await router_.logins.pass(ctx);
    if (!passed)
      co_return connection::fail(connection::ErrorCode::cancelled, connection::Phase::authentication,
                                 "r1: stopped");
    if (router_.login_error) co_return std::unexpected(*router_.login_error);
    co_return std::make_unique<FakeSession>(router_);
  }

 private:
  FakeRouter& router_;
};

}  // namespace linewatch::test
