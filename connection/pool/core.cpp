#include "connection/pool/core.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace linewatch::connection {

namespace {

std::string seconds(Clock::duration duration) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(duration).count());
}

}  // namespace

std::string_view to_string(SlotState state) {
  switch (state) {
    case SlotState::vacant:
      return "vacant";
    case SlotState::connecting:
      return "connecting";
    case SlotState::idle:
      return "idle";
    case SlotState::leased:
      return "leased";
    case SlotState::checking:
      return "checking";
    case SlotState::recovering:
      return "recovering";
    case SlotState::closing:
      return "closing";
  }
  return "vacant";
}

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::idle:
      return "idle";
    case CloseReason::worn:
      return "worn";
    case CloseReason::unhealthy:
      return "unhealthy";
    case CloseReason::lost:
      return "lost";
    case CloseReason::draining:
      return "draining";
  }
  return "idle";
}

PoolCore::PoolCore(std::string router, PoolPolicy policy, std::uint32_t seed, TimePoint now)
    : router_(std::move(router)),
      policy_(policy),
      random_(seed),
      slots_(static_cast<std::size_t>(std::max(1, policy.max_connections))),
      next_login_(now) {
  counts_[static_cast<std::size_t>(SlotState::vacant)] = static_cast<int>(slots_.size());
  actions_.reserve(slots_.size() + 4);
}

// --- callers
// -------------------------------------------------------------------------------------------------------

WaiterId PoolCore::acquire(TimePoint now, TimePoint deadline) {
  const Waiter waiter{next_waiter_++, now, std::min(deadline, now + policy_.acquire_timeout)};
  if (draining_) {
    refuse(waiter,
           {ErrorCode::shutting_down, Phase::waiting, fmt::format("{}: the agent is stopping", router_)});
  } else if (waiters_.size() >= static_cast<std::size_t>(policy_.max_waiters) && freshest_idle() < 0) {
    refuse(waiter, {ErrorCode::too_many_waiters, Phase::waiting,
                    fmt::format("{}: {} tasks wait for a session already ({})", router_, waiters_.size(),
                                why_no_session(now, now))});
  } else {
    waiters_.push_back(waiter);
    settle(now);
    const bool still_waits = !waiters_.empty() && waiters_.back().id == waiter.id;
    if (still_waits) ++statistics_.waits;
  }
  return waiter.id;
}

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

void PoolCore::release(TimePoint now, Ticket ticket, Returned returned) {
  Slot* slot = honour(ticket, SlotState::leased);
  if (!slot) return;
  switch (returned) {
    case Returned::clean:
      make_usable(ticket.slot, now);
      break;
    case Returned::lost:
      close(ticket.slot, now, CloseReason::lost);
      break;
    case Returned::dirty:
      if (draining_) {
        close(ticket.slot, now, CloseReason::draining);
      } else {
        ++statistics_.recoveries;
        actions_.push_back({Action::Kind::recover, enter(ticket.slot, SlotState::recovering, now)});
      }
      break;
  }
  settle(now);
}

// --- reports
// -------------------------------------------------------------------------------------------------------

void PoolCore::login_succeeded(TimePoint now, Ticket ticket) {
  Slot* slot = honour(ticket, SlotState::connecting);
  if (!slot) return;
  ++statistics_.created;
  failures_ = 0;
  last_login_error_.reset();
  next_login_ = now;
  slot->uses = 0;
  slot->born = now;
  slot->expires = now + jittered(policy_.max_lifetime, 0.1);
  make_usable(ticket.slot, now);
  settle(now);
}

void PoolCore::login_failed(TimePoint now, Ticket ticket, Error error) {
  if (!honour(ticket, SlotState::connecting)) return;
  enter(ticket.slot, SlotState::vacant, now);
  ++statistics_.login_failures;
  if (error.code != ErrorCode::cancelled) {
    const Clock::duration doubled = policy_.backoff_first * (1LL << std::min(failures_, 20));
    next_login_ = now + jittered(std::min(doubled, policy_.backoff_max), 0.2);
    ++failures_;
    last_login_error_ = std::move(error);
  }
  settle(now);
}

void PoolCore::check_finished(TimePoint now, Ticket ticket, bool healthy) {
  Slot* slot = honour(ticket, SlotState::checking);
  if (!slot) return;
  if (healthy) {
    make_usable(ticket.slot, now);
  } else {
    ++statistics_.health_check_failures;
    close(ticket.slot, now, CloseReason::unhealthy);
  }
  settle(now);
}

void PoolCore::recover_finished(TimePoint now, Ticket ticket, bool clean) {
  if (!honour(ticket, SlotState::recovering)) return;
  if (clean) {
    make_usable(ticket.slot, now);
  } else {
    close(ticket.slot, now, CloseReason::unhealthy);
  }
  settle(now);
}

void PoolCore::close_finished(TimePoint now, Ticket ticket) {
  if (!honour(ticket, SlotState::closing)) return;
  ++statistics_.closed;
  enter(ticket.slot, SlotState::vacant, now);
  settle(now);
}

void PoolCore::session_lost(TimePoint now, Ticket ticket) {
  if (!honour(ticket, SlotState::idle)) return;
  close(ticket.slot, now, CloseReason::lost);
  settle(now);
}

// --- time
// ----------------------------------------------------------------------------------------------------------

void PoolCore::start(TimePoint now) {
  started_ = true;
  settle(now);
}

void PoolCore::tick(TimePoint now) {
  expire_waiters(now);
  settle(now);
}

void PoolCore::drain(TimePoint now) {
  if (draining_) return;
  draining_ = true;
  refuse_all(ErrorCode::shutting_down, Phase::waiting);
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    if (state(i) == SlotState::idle) close(i, now, CloseReason::draining);
    if (state(i) == SlotState::connecting) actions_.push_back({Action::Kind::abort_login, ticket(i)});
  }
  settle(now);
}

TimePoint PoolCore::next_wakeup() const {
  TimePoint next = TimePoint::max();
  for (const Waiter& waiter : waiters_) next = std::min(next, waiter.deadline);
  for (const Slot& slot : slots_) {
    if (slot.state != SlotState::idle) continue;
    next = std::min({next, slot.expires, slot.checked + policy_.health_check_interval});
    if (more_than_warm()) next = std::min(next, slot.since + policy_.idle_timeout);
  }
  if (!draining_ && last_login_error_ && count(SlotState::connecting) == 0 && wanted_logins() > 0)
    next = std::min(next, next_login_);
  return next;
}

// --- decisions
// -----------------------------------------------------------------------------------------------------

// The demand is computed anew after every event, from the whole state.
void PoolCore::settle(TimePoint now) {
  grant_waiters(now);
  retire_idle(now);
  start_logins(now);
  // Without a session, and with no login on its way, nobody will ever serve those who wait: they learn why at
  // once.
  const int may_serve = live() - count(SlotState::closing);
  if (may_serve == 0 && last_login_error_ && !waiters_.empty() && now < next_login_) {
    refuse_all(last_login_error_->code, last_login_error_->phase);
  }
  if (draining_ && !drained_ && live() == 0) {
    drained_ = true;
    actions_.push_back({Action::Kind::drained});
  }
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
    waiters_.pop_front();
    ++statistics_.grants;
    if (session.uses > 0) ++statistics_.reused;
    Action grant{Action::Kind::grant};
    grant.fresh = session.uses++ == 0;
    grant.waiter = waiter.id;
    grant.ticket = enter(slot, SlotState::leased, now);
    actions_.push_back(std::move(grant));
  }
}

void PoolCore::start_logins(TimePoint now) {
  if (draining_ || now < next_login_) return;
  int wanted = wanted_logins();
  // After a failure one login at a time feels its way: a router in trouble is not stormed.
  if (last_login_error_) wanted = std::min(wanted, count(SlotState::connecting) == 0 ? 1 : 0);
  for (int i = 0; i < static_cast<int>(slots_.size()) && wanted > 0; ++i) {
    if (state(i) != SlotState::vacant) continue;
    --wanted;
    actions_.push_back({Action::Kind::login, enter(i, SlotState::connecting, now)});
  }
}

// What the waiters and min_connections want, cut by the slots that are left.
int PoolCore::wanted_logins() const {
  const int soon_usable =
      count(SlotState::connecting) + count(SlotState::checking) + count(SlotState::recovering);
  const int for_waiters = static_cast<int>(waiters_.size()) - soon_usable;
  const int for_warmth = started_ ? policy_.min_connections - (live() - count(SlotState::closing)) : 0;
  return std::clamp(std::max(for_waiters, for_warmth), 0, count(SlotState::vacant));
}

void PoolCore::retire_idle(TimePoint now) {
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    if (slot.state != SlotState::idle) continue;
    if (worn(slot, now)) {
      close(i, now, CloseReason::worn);
    } else if (more_than_warm() && now >= slot.since + policy_.idle_timeout) {
      close(i, now, CloseReason::idle);
    } else if (now >= slot.checked + policy_.health_check_interval) {
      const TimePoint idle_since = slot.since;
      actions_.push_back({Action::Kind::check, enter(i, SlotState::checking, now)});
      slot.since = idle_since;  // a check is no use: idle_timeout counts on
    }
  }
}

void PoolCore::expire_waiters(TimePoint now) {
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    if (now < waiter->deadline) {
      ++waiter;
      continue;
    }
    ++statistics_.wait_timeouts;
    refuse(*waiter,
           {timeout_code(), Phase::waiting,
            fmt::format("{}: no session came free: {}", router_, why_no_session(now, waiter->arrived))});
    waiter = waiters_.erase(waiter);
  }
}

void PoolCore::make_usable(int slot, TimePoint now) {
  Slot& session = slots_[static_cast<std::size_t>(slot)];
  const bool was_checked = session.state == SlotState::checking;
  const TimePoint since = session.since;
  session.checked = now;
  if (draining_) return close(slot, now, CloseReason::draining);
  if (worn(session, now)) return close(slot, now, CloseReason::worn);
  enter(slot, SlotState::idle, now);
  if (was_checked) session.since = since;
}

void PoolCore::close(int slot, TimePoint now, CloseReason reason) {
  Action action{Action::Kind::close};
  action.ticket = enter(slot, SlotState::closing, now);
  action.reason = reason;
  actions_.push_back(std::move(action));
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
  std::deque<Waiter> refused;
  refused.swap(waiters_);
  for (const Waiter& waiter : refused) refuse(waiter, {code, phase, text});
}

// --- small things
// --------------------------------------------------------------------------------------------------

PoolCore::Slot* PoolCore::honour(Ticket ticket, SlotState expected) {
  if (ticket.slot >= 0 && ticket.slot < static_cast<int>(slots_.size())) {
    Slot& slot = slots_[static_cast<std::size_t>(ticket.slot)];
    if (slot.generation == ticket.generation && slot.state == expected) return &slot;
  }
  ++statistics_.stale_reports;
  return nullptr;
}

Ticket PoolCore::enter(int slot, SlotState state, TimePoint now) {
  Slot& session = slots_[static_cast<std::size_t>(slot)];
  --counts_[static_cast<std::size_t>(session.state)];
  ++counts_[static_cast<std::size_t>(state)];
  session.state = state;
  session.since = now;
  return {slot, ++session.generation};
}

// Why a wait was in vain: all sessions were busy, or there never was one since the router lets nobody in.
ErrorCode PoolCore::timeout_code() const {
  const int busy = count(SlotState::leased) + count(SlotState::checking) + count(SlotState::recovering);
  if (busy > 0) return ErrorCode::acquire_timeout;
  if (last_login_error_) return last_login_error_->code;
  return count(SlotState::connecting) > 0 ? ErrorCode::unreachable : ErrorCode::acquire_timeout;
}

bool PoolCore::more_than_warm() const {
  return live() - count(SlotState::closing) > policy_.min_connections;
}

bool PoolCore::worn(const Slot& slot, TimePoint now) const {
  return now >= slot.expires || slot.uses >= policy_.max_uses;
}

int PoolCore::freshest_idle() const {
  int best = -1;
  for (int i = 0; i < static_cast<int>(slots_.size()); ++i) {
    if (state(i) != SlotState::idle) continue;
    if (best < 0 || slots_[static_cast<std::size_t>(i)].since > slots_[static_cast<std::size_t>(best)].since)
      best = i;
  }
  return best;
}

Clock::duration PoolCore::jittered(Clock::duration base, double fraction) {
  std::uniform_real_distribution<double> spread(1.0 - fraction, 1.0 + fraction);
  return std::chrono::duration_cast<Clock::duration>(base * spread(random_));
}

std::string PoolCore::why_no_session(TimePoint now, TimePoint arrived) const {
  std::string text = fmt::format("max_connections {}, {} in use, {} waiting, waited {}",
                                 policy_.max_connections, live(), waiters_.size(), seconds(now - arrived));
  if (last_login_error_) text += "; last login: " + last_login_error_->text;
  return text;
}

}  // namespace linewatch::connection
