#pragma once
// How many turns of one router are under way, so that a stop can wait for them, and cut them short when its
// patience ends. Owned by the router's worker, on its loop.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stop_token>

#include "connection/session.hpp"

namespace linewatch::scheduler {

class RunningTurns {
 public:
  explicit RunningTurns(const boost::asio::any_io_executor& loop)
      : all_done_(loop, connection::TimePoint::max()) {}

  // For a turn that begins now: without a deadline of its own, ended by finish().
  connection::Context begin();
  void end();

  // Waits for the turns under way. When the context ends they are cancelled; each still reports, so their end
  // is waited for without a limit of its own.
  connection::Awaitable<void> finish(connection::Context ctx);

 private:
  boost::asio::steady_timer all_done_;  // never expires by itself; cancelled when the last turn ended
  std::stop_source cancel_;
  int running_ = 0;
};

}  // namespace linewatch::scheduler
