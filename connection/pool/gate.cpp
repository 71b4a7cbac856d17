#include "connection/pool/gate.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stop_token>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

// --- the queue
// ------------------------------------------------------------------------------------------------

GateQueue::Id GateQueue::ask(Rank rank) {
  waiting_[static_cast<std::size_t>(rank)].push_back(++last_);
  return last_;
}

bool GateQueue::withdraw(Id id) {
  for (std::deque<Id>& rank : waiting_) {
    const auto found = std::ranges::find(rank, id);
    if (found == rank.end()) continue;
    rank.erase(found);
    return true;
  }
  return false;
}

int GateQueue::next_rank() const {
  if (logins_ >= limits_.logins) return -1;
  for (int rank = 0; rank < ranks; ++rank) {
    const bool needs_session = rank != static_cast<int>(Rank::renewal);
    if (needs_session && sessions_ >= limits_.sessions) return -1;
    if (!waiting_[static_cast<std::size_t>(rank)].empty()) return rank;
  }
  return -1;
}

std::vector<GateQueue::Id> GateQueue::let_in(TimePoint now) {
  std::vector<Id> in;
  const auto apart = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(1.0 / std::max(limits_.logins_per_second, 0.001)));
  // A wake-up that comes late is made up for, so that the rate is reached; a long rest is not.
  const Clock::duration made_up = std::min<Clock::duration>(apart, std::chrono::milliseconds(20));
  for (int rank = 0; now >= next_start_ && (rank = next_rank()) >= 0;) {
    std::deque<Id>& waiting = waiting_[static_cast<std::size_t>(rank)];
    in.push_back(waiting.front());
    waiting.pop_front();
    ++logins_;
    if (rank != static_cast<int>(Rank::renewal)) ++sessions_;
    next_start_ = std::max(next_start_, now - made_up) + apart;
  }
  return in;
}

TimePoint GateQueue::next_wakeup() const {
  return next_rank() < 0 ? TimePoint::max() : next_start_;
}

std::size_t GateQueue::waiting() const {
  std::size_t sum = 0;
  for (const std::deque<Id>& rank : waiting_) sum += rank.size();
  return sum;
}

// --- the gate
// -------------------------------------------------------------------------------------------------

std::shared_ptr<Gate> Gate::make(asio::any_io_executor loop, GateLimits limits) {
  return std::shared_ptr<Gate>(new Gate(std::move(loop), limits));
}

Gate::Gate(asio::any_io_executor loop, GateLimits limits)
    : loop_(std::move(loop)), queue_(limits), timer_(loop_) {}

Awaitable<Result<Gate::Unit>> Gate::enter(Context ctx, GateQueue::Rank rank, Unit& session) {
  const auto self = shared_from_this();
  if (ctx.stopped()) co_return fail(ErrorCode::cancelled, Phase::waiting, "cancelled before the login");
  const GateQueue::Id id = queue_.ask(session ? GateQueue::Rank::renewal : rank);
  const auto woken = std::make_shared<asio::steady_timer>(loop_, ctx.deadline());
  sleepers_.emplace(id, woken);
  step();
  std::stop_callback on_stop(ctx.stop(),
                             [loop = loop_, woken] { asio::post(loop, [woken] { woken->cancel(); }); });
  boost::system::error_code ignored;
  if (!let_in_.contains(id)) co_await woken->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  sleepers_.erase(id);
  if (let_in_.erase(id) == 0) {
    queue_.withdraw(id);
    const ErrorCode code = ctx.stopped() ? ErrorCode::cancelled : ErrorCode::held_back;
    co_return fail(code, Phase::waiting, "the login did not get its turn (connection.total)");
  }
  if (!session) {
    session = Unit([self] {
      self->queue_.session_ended();
      self->step();
    });
  }
  co_return Unit([self] {
    self->queue_.login_ended();
    self->step();
  });
}

void Gate::set_limits(GateLimits limits) {
  queue_.set_limits(limits);
  step();
}

void Gate::step() {
  if (closed_) return;
  for (const GateQueue::Id id : queue_.let_in(Clock::now())) {
    let_in_.insert(id);
    if (const auto sleeper = sleepers_.find(id); sleeper != sleepers_.end()) sleeper->second->cancel();
  }
  const TimePoint next = queue_.next_wakeup();
  if (next == TimePoint::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(next);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (self && !cancelled) self->step();
  });
}

}  // namespace linewatch::connection
