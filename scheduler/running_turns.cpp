#include "scheduler/running_turns.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace linewatch::scheduler {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Context;
using connection::TimePoint;

Context RunningTurns::begin() {
  ++running_;
  return {TimePoint::max(), cancel_.get_token()};
}

void RunningTurns::end() {
  if (--running_ == 0) all_done_.cancel();
}

Awaitable<void> RunningTurns::finish(Context ctx) {
  boost::system::error_code ignored;
  if (running_ > 0) {
    all_done_.expires_at(ctx.deadline());
    co_await all_done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (running_ > 0) {
    cancel_.request_stop();
    all_done_.expires_at(TimePoint::max());
    co_await all_done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace linewatch::scheduler
