#pragma once
// One stream socket (TCP, or the near end of a way through a jump host) and the one wait on it that may be
// under way. A deadline and a stop meet the file descriptor here. Owned by one transport, on its loop.

#include <sys/socket.h>

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>

#include "connection/context.hpp"
#include "connection/session.hpp"
#include "connection/ssh/readiness.hpp"

namespace linewatch::connection {

class Waiter {
 public:
  using Outcome = Readiness::Outcome;

  explicit Waiter(const boost::asio::any_io_executor& loop);
  ~Waiter();  // closes the socket
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  void take(int socket);  // non-blocking; the one before is closed
  int socket() const;     // -1: none
  void close();

  // Connects the socket. `failed` leaves the cause in `error`, an errno.
  Awaitable<Outcome> connect(Context ctx, const sockaddr* peer, socklen_t size, int& error);
  // Readable, or also writable if asked. May return `ready` without cause: the caller tries and waits again.
  // `ctx` outlives the wait.
  Awaitable<Outcome> wait(const Context& ctx, bool or_writable);
  // Lets the loop's other work go first.
  Awaitable<void> yield();

  // Calls `closed` once, from the loop, when the other side's close comes while nobody waits. Empty: no
  // longer.
  void watch(std::move_only_function<void()> closed);
  bool watched() const;
  // Of a watched socket, as far as the loop has heard since the last wait: nothing came; the close came.
  bool silent() const { return !entry().stirred(); }
  bool closed() const { return entry().closed(); }

 private:
  struct State;
  Awaitable<Outcome> wait_for(const Context& ctx, Readiness::For what);
  const Readiness::Entry& entry() const;
  boost::asio::any_io_executor loop_;
  std::shared_ptr<State> state_;  // shared with a stop that is on its way from another thread
};

}  // namespace linewatch::connection
