#include "agent/gather.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

namespace linewatch::agent {

namespace asio = boost::asio;

connection::Awaitable<void> gather(asio::any_io_executor loop,
                                   std::vector<connection::Awaitable<void>> operations) {
  std::size_t running = operations.size();
  asio::steady_timer all_done(loop, asio::steady_timer::time_point::max());
  for (auto& operation : operations) {
    asio::co_spawn(loop, std::move(operation), [&running, &all_done](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
      if (--running == 0) all_done.cancel();
    });
  }
  boost::system::error_code ignored;
  if (running > 0) co_await all_done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace linewatch::agent
