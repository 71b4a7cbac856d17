#pragma once
// What several coroutines of one loop wait at until something has changed. Whoever was rung looks for itself.
// Owned by what changes; use on its loop only, the stop of a Context may come from any thread. Whoever waits
// keeps the owner alive.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include "connection/context.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

class Bell {
 public:
  explicit Bell(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {}

  // Returns at the next ring, at the deadline or when the context is stopped.
  Awaitable<void> wait(Context ctx);
  void ring();

 private:
  boost::asio::any_io_executor loop_;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

// Until `when`, never returning before; false: the context ended or was stopped first.
Awaitable<bool> sleep_until(Context ctx, TimePoint when);

}  // namespace linewatch::connection
