#include "connection/ssh/waiter.hpp"

#include <unistd.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <optional>
#include <stop_token>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

struct Waiter::State : std::enable_shared_from_this<State> {
  struct OnStop {  // runs on whichever thread asks for the stop
    State* state;
    std::uint64_t wait;
    void operator()() const {
      asio::post(state->loop, [state = state->shared_from_this(), wait = wait] {
        if (state->waits == wait && state->entry) state->readiness.end(*state->entry, Outcome::stopped);
      });
    }
  };

  explicit State(const asio::any_io_executor& executor)
      : loop(executor), readiness(Readiness::of(executor)) {}

  asio::any_io_executor loop;
  Readiness& readiness;
  std::optional<Readiness::Entry> entry;
  std::uint64_t waits = 0;  // so many were begun: a stop that comes late means none of the later ones
  std::optional<std::stop_callback<OnStop>> on_stop;
};

Waiter::Waiter(const asio::any_io_executor& loop) : loop_(loop), state_(std::make_shared<State>(loop)) {}

Waiter::~Waiter() {
  close();
}

void Waiter::take(int socket) {
  close();
  state_->entry.emplace(socket);
}

int Waiter::socket() const {
  return state_->entry ? state_->entry->fd : -1;
}

void Waiter::close() {
  state_->on_stop.reset();
  ++state_->waits;
  if (!state_->entry) return;
  const int socket = state_->entry->fd;
  state_->readiness.leave(*state_->entry);
  state_->entry.reset();
  ::close(socket);
}

Awaitable<Waiter::Outcome> Waiter::connect(Context ctx, const sockaddr* peer, socklen_t size, int& error) {
  error = 0;
  if (::connect(socket(), peer, size) == 0) co_return Outcome::ready;
  error = errno;
  while (error == EINPROGRESS || error == EINTR) {
    const Outcome outcome = co_await wait_for(ctx, Readiness::For::writing);
    if (outcome != Outcome::ready) co_return outcome;
    socklen_t room = sizeof error;
    ::getsockopt(socket(), SOL_SOCKET, SO_ERROR, &error, &room);
    sockaddr_storage name{};
    room = sizeof name;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as the system wants it
    const bool connected = ::getpeername(socket(), reinterpret_cast<sockaddr*>(&name), &room) == 0;
    if (error == 0 && !connected) error = EINPROGRESS;  // woken without cause
  }
  co_return error == 0 ? Outcome::ready : Outcome::failed;
}

Awaitable<Waiter::Outcome> Waiter::wait(const Context& ctx, bool or_writable) {
  return wait_for(ctx, or_writable ? Readiness::For::both : Readiness::For::reading);
}

// No coroutine of its own: who waits is handed to the readiness as it is.
Awaitable<Waiter::Outcome> Waiter::wait_for(const Context& ctx, Readiness::For what) {
  State* const state = state_.get();
  const Context* const limits = &ctx;  // read before this returns
  ++state->waits;
  const auto begin = [state, limits, what](auto done) {
    const bool stopped = limits->stopped();
    if (stopped || limits->expired()) {
      const Outcome over = stopped ? Outcome::stopped : Outcome::expired;
      asio::post(state->loop, [over, done = std::move(done)]() mutable { std::move(done)(over); });
      return;
    }
    state->readiness.wait(*state->entry, what, limits->deadline(),
                          [state, done = std::move(done)](Outcome outcome) mutable {
                            state->on_stop.reset();
                            std::move(done)(outcome);
                          });
    if (limits->stop().stop_possible())
      state->on_stop.emplace(limits->stop(), State::OnStop{state, state->waits});
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Outcome)>(begin, asio::use_awaitable);
}

Awaitable<void> Waiter::yield() {
  return asio::post(loop_, asio::use_awaitable);
}

void Waiter::watch(std::move_only_function<void()> closed) {
  if (state_->entry) state_->readiness.watch(*state_->entry, std::move(closed));
}

bool Waiter::watched() const {
  return state_->entry && state_->entry->watched();
}

const Readiness::Entry& Waiter::entry() const {
  return *state_->entry;
}

}  // namespace linewatch::connection
