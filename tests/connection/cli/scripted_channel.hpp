#pragma once
// A byte channel without a network: what the driver writes goes to a script, which says what the router
// answers.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "connection/cli/byte_channel.hpp"

namespace linewatch::connection::test {

// Runs one coroutine to its end on a loop of its own; afterwards nothing may be left to do.
template <class T>
T run_on(boost::asio::io_context& loop, Awaitable<T> coroutine) {
  std::optional<T> result;
  std::exception_ptr failure;
  boost::asio::co_spawn(loop, std::move(coroutine), [&](std::exception_ptr thrown, T value) {
    failure = thrown;
    result.emplace(std::move(value));
  });
  loop.restart();
  loop.run();
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

inline void run_on(boost::asio::io_context& loop, Awaitable<void> coroutine) {
  std::exception_ptr failure;
  boost::asio::co_spawn(loop, std::move(coroutine), [&](std::exception_ptr thrown) { failure = thrown; });
  loop.restart();
  loop.run();
  if (failure) std::rethrow_exception(failure);
}

class ScriptedChannel final : public ByteChannel {
 public:
  explicit ScriptedChannel(boost::asio::io_context& loop) : loop_(loop), alarm_(loop) {}

  std::function<void(std::string_view)> on_write = [](std::string_view) {};
  std::size_t piece = 4096;  // octets that one read brings at most; 1 = octet by octet
  std::string written;
  bool endless = false;  // when all is read, `endless_text` again
  std::string endless_text = "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!\r\n";
  std::size_t read_total = 0;

  void say(std::string_view text) {
    to_read_ += text;
    alarm_.cancel();
  }
  // Later: when the loop has come round and the time is over.
  void say_after(Clock::duration delay, std::string text) {
    auto timer = std::make_shared<boost::asio::steady_timer>(loop_, delay);
    timer->async_wait([this, timer, text = std::move(text)](boost::system::error_code) { say(text); });
  }
  void end() {
    ended_ = true;
    alarm_.cancel();
  }

  Awaitable<Result<void>> read(Context ctx, std::string& into) override {
    for (;;) {
      if (ctx.stopped()) co_return fail(ErrorCode::cancelled, Phase::read, "cancelled");
      auto ready = read_ready(into);
      if (!ready || !into.empty()) {
        if (endless) co_await boost::asio::post(loop_, boost::asio::use_awaitable);
        co_return ready;
      }
      if (ctx.expired()) co_return fail(ErrorCode::deadline, Phase::read, "time limit");
      const std::stop_callback on_stop(ctx.stop(),
                                       [this] { boost::asio::post(loop_, [this] { alarm_.cancel(); }); });
      alarm_.expires_at(ctx.deadline());
      boost::system::error_code ignored;
      co_await alarm_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
  }

  Result<void> read_ready(std::string& into) override {
    if (to_read_.empty() && endless) to_read_ = endless_text;
    if (to_read_.empty() && ended_)
      return fail(ErrorCode::closed, Phase::read, "the router closed the session");
    const std::size_t size = std::min(piece, to_read_.size());
    into.append(to_read_, 0, size);
    to_read_.erase(0, size);
    read_total += size;
    return {};
  }

  bool slow = false;  // nothing goes without waiting

  Result<bool> write_ready(std::string_view& bytes) override {
    if (ended_) return fail(ErrorCode::closed, Phase::write, "the router is gone");
    if (slow) return false;
    take(std::exchange(bytes, {}));
    return true;
  }

  Awaitable<Result<void>> write(Context, std::string_view bytes) override {
    if (ended_) co_return fail(ErrorCode::closed, Phase::write, "the router is gone");
    take(bytes);
    co_return Result<void>();
  }

 private:
  void take(std::string_view bytes) {
    written += bytes;
    on_write(bytes);
  }

  boost::asio::io_context& loop_;
  boost::asio::steady_timer alarm_;
  std::string to_read_;
  bool ended_ = false;
};

// A router at the other end of the channel: echoes, knows a few commands, prints its prompt.
class ScriptedRouter {
 public:
  ScriptedRouter(ScriptedChannel& channel, std::string name) : prompt(std::move(name)), channel_(channel) {
    channel_.on_write = [this](std::string_view bytes) { take(bytes); };
  }

  std::string prompt;
  bool echo = true;
  std::map<std::string, std::string> answers;                // by command, with CR LF line ends
  std::map<std::string, std::function<void()>> actions;      // ... that print by themselves, the prompt, too
  std::function<std::string(const std::string&)> draw_echo;  // of a whole line; else the line as it is

  void greet(const std::string& banner) { channel_.say(banner + prompt); }
  void say(std::string_view text) { channel_.say(text); }

 private:
  void take(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\x03') {
        line_.clear();
        if (const auto action = actions.find("^C"); action != actions.end()) {
          action->second();
        } else {
          channel_.say("^C\r\n" + prompt);
        }
      } else if (c == '\n' || c == '\r') {
        const std::string line = std::exchange(line_, {});
        if (echo) channel_.say((draw_echo ? draw_echo(line) : line) + "\r\n");
        answer(line);
      } else if (actions.contains(std::string(1, c)) && line_.empty()) {
        actions[std::string(1, c)]();
      } else {
        line_ += c;
      }
    }
  }

  void answer(const std::string& line) {
    if (const auto action = actions.find(line); action != actions.end()) {
      action->second();
    } else {
      if (const auto known = answers.find(line); known != answers.end()) channel_.say(known->second);
      channel_.say(prompt);
    }
  }

  ScriptedChannel& channel_;
  std::string line_;
};

}  // namespace linewatch::connection::test
