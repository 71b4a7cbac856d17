#include "connection/ssh/waiter.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <stop_token>

namespace linewatch::connection {

namespace asio = boost::asio;

// Shared with the handlers in flight, which may run once more after the waiter is gone.
struct Waiter::State {
  explicit State(const asio::any_io_executor& loop) : socket(loop), timer(loop) {}
  void wake() {
    boost::system::error_code ignored;
    socket.cancel(ignored);
  }

  Stream::socket socket;
  asio::steady_timer timer;
  std::uint64_t generation = 0;  // of the wait under way: a late timer or stop of an earlier one is void
  bool expired = false, stopped = false, awaits_writable = false;
};

// Arms deadline and stop for one wait and disarms them however it ends.
class Waiter::Guard {
 public:
  Guard(std::shared_ptr<State> state, const Context& ctx) : state_(std::move(state)) {
    const std::uint64_t generation = ++state_->generation;
    state_->expired = state_->stopped = false;
    if (ctx.has_deadline()) {
      state_->timer.expires_at(ctx.deadline());
      state_->timer.async_wait([state = state_, generation](boost::system::error_code error) {
        if (error || state->generation != generation) return;
        state->expired = true;
        state->wake();
      });
    }
    if (ctx.stop().stop_possible()) stop_.emplace(ctx.stop(), OnStop{state_, generation});
  }
  ~Guard() {
    stop_.reset();
    ++state_->generation;
    state_->timer.cancel();
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  Outcome outcome(const boost::system::error_code& error) const {
    if (state_->stopped) return Outcome::stopped;
    if (state_->expired) return Outcome::expired;
    return error && error != asio::error::operation_aborted ? Outcome::failed : Outcome::ready;
  }

 private:
  struct OnStop {  // runs on whichever thread asks for the stop
    std::shared_ptr<State> state;
    std::uint64_t generation;
    void operator()() const {
      asio::post(state->socket.get_executor(), [state = state, generation = generation] {
        if (state->generation != generation) return;
        state->stopped = true;
        state->wake();
      });
    }
  };

  std::shared_ptr<State> state_;
  std::optional<std::stop_callback<OnStop>> stop_;
};

Waiter::Waiter(const asio::any_io_executor& loop) : state_(std::make_shared<State>(loop)) {}

Waiter::~Waiter() {
  ++state_->generation;
  state_->timer.cancel();
  boost::system::error_code ignored;
  state_->socket.close(ignored);
}

Waiter::Stream::socket& Waiter::socket() const {
  return state_->socket;
}

Awaitable<Waiter::Outcome> Waiter::connect(Context ctx, Stream::endpoint peer,
                                           boost::system::error_code& error) {
  if (ctx.stopped()) co_return Outcome::stopped;
  if (ctx.expired()) co_return Outcome::expired;
  const auto state = state_;
  const Guard guard(state, ctx);
  co_await state->socket.async_connect(peer, asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::operation_aborted) co_return guard.outcome(error);
  co_return error ? Outcome::failed : Outcome::ready;
}

Awaitable<Waiter::Outcome> Waiter::wait(Context ctx, bool or_writable) {
  if (ctx.stopped()) co_return Outcome::stopped;
  if (ctx.expired()) co_return Outcome::expired;
  const auto state = state_;
  const Guard guard(state, ctx);
  if (or_writable && !state->awaits_writable) {
    state->awaits_writable = true;
    state->socket.async_wait(Stream::socket::wait_write, [state](boost::system::error_code aborted) {
      state->awaits_writable = false;
      if (!aborted) state->wake();
    });
  }
  boost::system::error_code error;
  co_await state->socket.async_wait(Stream::socket::wait_read,
                                    asio::redirect_error(asio::use_awaitable, error));
  co_return guard.outcome(error);
}

Awaitable<void> Waiter::yield() {
  const auto loop = state_->socket.get_executor();
  co_await asio::post(loop, asio::use_awaitable);
}

}  // namespace linewatch::connection
