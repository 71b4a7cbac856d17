// Those who wait for a session: whom the core answers, and what it tells those it cannot serve.

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/counted.hpp"
#include "connection/pool/core.hpp"

namespace linewatch::connection {

using config::counted;

namespace {

std::string seconds(Clock::duration duration) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(duration).count());
}

}  // namespace

void PoolCore::cancel(TimePoint now, WaiterId id) {
  const auto found = std::ranges::find(waiters_, id, &Waiter::id);
  if (found == waiters_.end()) return;
  ++statistics_.cancelled;
  refuse(*found, {ErrorCode::cancelled, Phase::waiting,
                  fmt::format("{}: cancelled after waiting {} for a session", router_,
                              seconds(now - found->arrived))});
  waiters_.erase(found);
  settle(now);
}

void PoolCore::grant_waiters(TimePoint now) {
  while (!waiters_.empty()) {
    const int slot = freshest_idle();
    if (slot < 0) return;
    Slot& session = slots_[static_cast<std::size_t>(slot)];
    if (worn(session, now)) {
      close(slot, now, CloseReason::worn);
      continue;
    }
    const Waiter waiter = waiters_.front();
    waiters_.erase(waiters_.begin());
    lease(slot, waiter, now);
  }
}

void PoolCore::expire_waiters(TimePoint now) {
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    if (now < waiter->deadline) {
      ++waiter;
      continue;
    }
    ++statistics_.wait_timeouts;
    recent_wait_timeouts_.count(now);
    refuse(*waiter, no_session(now, waiter->arrived));
    waiter = waiters_.erase(waiter);
  }
}

Error PoolCore::no_session(TimePoint now, TimePoint arrived) const {
  const ErrorCode code = timeout_code();
  const std::string_view what =
      code == ErrorCode::held_back
          ? "the login waits for its turn among all logins of the agent (connection.total)"
          : "no session came free";
  return {code, Phase::waiting, fmt::format("{}: {}: {}", router_, what, why_no_session(now, arrived))};
}

void PoolCore::refuse(const Waiter& waiter, Error error) {
  ++statistics_.refused;
  Action action{Action::Kind::refuse};
  action.waiter = waiter.id;
  action.error = std::move(error);
  actions_.push_back(std::move(action));
}

void PoolCore::refuse_all(ErrorCode code, Phase phase) {
  // The cause alone: a text that counts seconds down would be a new line.error with every turn.
  const bool stopping = draining_ || !last_login_error_;
  const std::string text =
      stopping ? fmt::format("{}: the agent is stopping", router_) : last_login_error_->text;
  std::vector<Waiter> refused;
  refused.swap(waiters_);
  for (const Waiter& waiter : refused) refuse(waiter, {code, phase, text});
}

// Why a wait was in vain: all sessions were busy, or there never was one since the router lets nobody in.
ErrorCode PoolCore::timeout_code() const {
  const int busy = count(SlotState::leased) + count(SlotState::checking) + count(SlotState::recovering);
  if (busy > 0) return ErrorCode::acquire_timeout;
  if (last_login_error_) return last_login_error_->code;
  const auto begun = std::ranges::count_if(
      slots_, [](const Slot& slot) { return slot.state == SlotState::connecting && slot.began; });
  if (begun > 0) return ErrorCode::unreachable;
  return count(SlotState::connecting) > 0 ? ErrorCode::held_back : ErrorCode::acquire_timeout;
}

std::vector<std::string> PoolCore::hints(TimePoint now) const {
  std::vector<std::string> hints;
  const std::uint64_t waits = recent_waits_.events(now), timeouts = recent_wait_timeouts_.events(now);
  if (!last_login_error_ && (timeouts > 0 || waits >= 10)) {
    hints.push_back(fmt::format("{}, {} in the last hour: raise max_connections or the interval",
                                counted(waits, "wait"), counted(timeouts, "time-out")));
  }
  if (const std::uint64_t losses = recent_losses_.events(now); losses >= 3) {
    hints.push_back(fmt::format(
        "the router closed {} idle sessions in the last hour: lower health_check_interval below its own idle "
        "time-out, or min_connections to 0",
        losses));
  }
  if (limit_ < policy_.max_connections) {
    hints.push_back(
        fmt::format("the router granted no session beyond {} of max_connections {}: free its lines or lower "
                    "max_connections",
                    limit_, policy_.max_connections));
  }
  return hints;
}

std::string PoolCore::why_no_session(TimePoint now, TimePoint arrived) const {
  std::string text = fmt::format("max_connections {}, {} in use, {} waiting, waited {}",
                                 policy_.max_connections, live(), waiters_.size(), seconds(now - arrived));
  if (last_login_error_) text += "; last login: " + last_login_error_->text;
  return text;
}

}  // namespace linewatch::connection
