#include "connection/bell.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stop_token>

namespace linewatch::connection {

namespace asio = boost::asio;

Awaitable<void> Bell::wait(Context ctx) {
  const auto timer = std::make_shared<asio::steady_timer>(loop_, ctx.deadline());
  waiting_.push_back(timer);
  const auto loop = loop_;
  // Posted, so that it comes when the wait has begun, whichever thread asks for the stop.
  const std::stop_callback on_stop(ctx.stop(),
                                   [timer, loop] { asio::post(loop, [timer] { timer->cancel(); }); });
  boost::system::error_code woken;
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  std::erase(waiting_, timer);
}

void Bell::ring() {
  for (const auto& timer : waiting_) timer->cancel();
}

Awaitable<bool> sleep_until(Context ctx, TimePoint when) {
  const auto loop = co_await asio::this_coro::executor;
  Bell nobody_rings(loop);
  const Context until = ctx.until(when);
  while (!until.stopped() && !until.expired()) co_await nobody_rings.wait(until);
  co_return !ctx.stopped() && !ctx.expired();
}

}  // namespace linewatch::connection
