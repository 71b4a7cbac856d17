#pragma once
// What a pool keeps and how it comes by it. A session is one logged-in command line on one router; it lives
// on one event loop and is used by one borrower at a time. Every call obeys its Context.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connection/context.hpp"
#include "connection/error.hpp"

namespace linewatch::connection {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

// Looks at a command's output while it comes, for commands that never end by themselves. It asks for a
// Ctrl-C; the session then reads on to the prompt.
class OutputWatcher {
 public:
  virtual ~OutputWatcher() = default;
  struct Advice {
    bool interrupt = false;                   // send the platform's interrupt now (once)
    TimePoint look_again = TimePoint::max();  // call again by then, even if nothing came
  };
  // `output`: what came so far, stripped of terminal controls, the echo still in front. Called after each
  // read.
  virtual Advice look(std::string_view output, TimePoint now) = 0;
};

struct Command {
  std::string text;                        // one line, without line end
  std::size_t output_limit = 1024UL * 1024;  // octets kept; more is ErrorCode::output_limit
  OutputWatcher* watcher = nullptr;        // outlives the call
  bool secret = false;                     // never traced in the clear
};

struct CommandOutput {
  std::string text;                             // stripped; without echo and closing prompt
  std::chrono::system_clock::time_point typed;  // wall time when the command's first octet was written
  Clock::duration took{};                       // from there to the prompt
  bool interrupted = false;                     // the watcher's Ctrl-C was sent
};

class Session {
 public:
  virtual ~Session() = default;  // drops the connection without ceremony if close() was not run

  // One command, to its prompt. After any error but ErrorCode::cancelled-before-writing the session is dirty.
  virtual Awaitable<Result<CommandOutput>> run(Context ctx, Command command) = 0;
  // An empty line to its prompt: is the router still there, and does that count as activity for its
  // exec-timeout.
  virtual Awaitable<Result<void>> check(Context ctx) = 0;
  // Ctrl-C and read to the prompt; on success the session is clean again.
  virtual Awaitable<Result<void>> recover(Context ctx) = 0;
  // Polite logout; returns when the router confirmed the close or the context ended. Afterwards only
  // destruction.
  virtual Awaitable<void> close(Context ctx) = 0;

  // Has it all the rights that the profile's `enable` gives? True where there is no such step.
  virtual bool privileged() const { return true; }
  virtual bool dirty() const = 0;  // a command was left in the middle: recover() or close()
  virtual bool alive() const = 0;  // false as soon as the transport is known to be gone
  // `gone` is called from the loop, at most once, when the router closes the connection, though nobody uses
  // the session; not after close() or destruction. Not every session can tell.
  virtual void on_hang_up([[maybe_unused]] std::function<void()> gone) {}
};

class SessionFactory {
 public:
  virtual ~SessionFactory() = default;
  // One try of one login: TCP, key exchange, host key, authentication, first prompt, set-up commands.
  virtual Awaitable<Result<std::unique_ptr<Session>>> login(Context ctx) = 0;
};

}  // namespace linewatch::connection
