#pragma once
// One stream socket (TCP, or the near end of a way through a jump host) with the one timer that enforces
// deadlines on it. A deadline and a stop meet the file descriptor here: both set a flag and cancel the
// socket, whose waiter then wakes and looks. Owned by one transport, on its loop.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "connection/context.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

class Waiter {
 public:
  using Stream = boost::asio::generic::stream_protocol;
  enum class Outcome { ready, expired, stopped, failed };

  explicit Waiter(const boost::asio::any_io_executor& loop);
  ~Waiter();  // closes the socket
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  Stream::socket& socket() const;

  // `failed` leaves the cause in `error`. The socket is open.
  Awaitable<Outcome> connect(Context ctx, Stream::endpoint peer, boost::system::error_code& error);
  // Readable, or also writable if asked. May return `ready` without cause: the caller tries and waits again.
  Awaitable<Outcome> wait(Context ctx, bool or_writable);
  // Lets the loop's other work go first.
  Awaitable<void> yield();

 private:
  struct State;
  class Guard;
  std::shared_ptr<State> state_;
};

}  // namespace linewatch::connection
