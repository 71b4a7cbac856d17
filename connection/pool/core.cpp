// The pool's core: callers, the states of its slots, time. Those who wait, logins, and the end of sessions
// have files of their own.

#include "connection/pool/core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "connection/pool/demand.hpp"

namespace linewatch::connection {

namespace {

// A session that is left in mid-command three times in a row, or at more than every fifth use, is sick.
constexpr int trouble_of_dirty_use = 4, trouble_of_sick_session = 12;

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
      next_login_(now),
      limit_(static_cast<int>(slots_.size())) {
  counts_[static_cast<std::size_t>(SlotState::vacant)] = static_cast<int>(slots_.size());
  actions_.reserve(slots_.size() + 4);
}

WaiterId PoolCore::acquire(TimePoint now, TimePoint deadline) {
  const Waiter waiter{next_waiter_++, now, std::min(deadline, now + policy_.acquire_timeout)};
  const int idle = waiters_.empty() && !draining_ ? freshest_idle() : -1;
  if (idle >= 0 && !worn(slots_[static_cast<std::size_t>(idle)], now)) {
    lease(idle, waiter, now);  // nothing else changes by that
  } else if (draining_) {
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
    if (still_waits) {
      ++statistics_.waits;
      const bool all_busy = live() - count(SlotState::connecting) >= maximum();
      if (all_busy) recent_waits_.count(now);  // not those for a login
    }
  }
  return waiter.id;
}

void PoolCore::release(TimePoint now, Ticket ticket, Returned returned) {
  Slot* slot = honour(ticket, SlotState::leased);
  if (!slot) return;
  average(mean_use_, now - slot->since);
  slot->trouble = std::max(0, slot->trouble + (returned == Returned::dirty ? trouble_of_dirty_use : -1));
  switch (returned) {
    case Returned::clean:
      make_usable(ticket.slot, now);
      if (waiters_.empty() && slot->state == SlotState::idle) return;  // nothing else changes by that
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

void PoolCore::start(TimePoint now) {
  started_ = true;
  resting_ = false;
  next_login_ = now;
  settle(now);
}

void PoolCore::rest(TimePoint now) {
  started_ = false;
  resting_ = true;
  if (waiters_.empty()) abort_logins();
  settle(now);
}

void PoolCore::tick(TimePoint now) {
  expire_waiters(now);
  find_leaks(now);
  settle(now);
}

void PoolCore::drain(TimePoint now) {
  if (draining_) return;
  draining_ = true;
  refuse_all(ErrorCode::shutting_down, Phase::waiting);
  for (int i = 0; i < slots(); ++i) {
    if (state(i) == SlotState::idle) close(i, now, CloseReason::draining);
  }
  abort_logins();
  settle(now);
}

void PoolCore::reconfigure(TimePoint now, PoolPolicy policy) {
  const bool lowered = limit_ < policy_.max_connections;
  if (policy.max_lifetime != policy_.max_lifetime) {
    for (Slot& slot : slots_) slot.expires = slot.born + jittered(policy.max_lifetime, 0.1);
  }
  policy_ = policy;
  const int maximum = std::max(1, policy.max_connections);
  limit_ = lowered ? std::min(limit_, maximum) : maximum;
  fit_slots();
  settle(now);
}

void PoolCore::renew(TimePoint now) {
  ++epoch_;
  failures_ = 0;
  last_login_error_.reset();
  next_login_ = now;
  settle(now);
}

TimePoint PoolCore::next_wakeup() const {
  TimePoint next = reconsider_at_;
  for (const Waiter& waiter : waiters_) next = std::min(next, waiter.deadline);
  if (!waiters_.empty() && limit_ < policy_.max_connections) next = std::min(next, limit_return_);
  for (const Slot& slot : slots_) {
    if (slot.state == SlotState::leased && !slot.leak_said)
      next = std::min(next, slot.since + policy_.leak_warning);
    if (slot.state != SlotState::idle) continue;
    next = std::min({next, slot.expires, slot.checked + policy_.health_check_interval});
    if (more_than_warm()) next = std::min(next, idle_until(slot));
  }
  if (login_due_) next = std::min(next, next_login_);
  if (warm_due_) next = std::min(next, next_warm_);
  return next;
}

// The demand is computed anew after every event, from the whole state.
void PoolCore::settle(TimePoint now) {
  raise_limit(now);
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

void PoolCore::lease(int slot, const Waiter& waiter, TimePoint now) {
  Slot& session = slots_[static_cast<std::size_t>(slot)];
  ++statistics_.grants;
  statistics_.wait_time.add(now - waiter.arrived);
  if (session.uses > 0) ++statistics_.reused;
  Action& grant = actions_.emplace_back(Action::Kind::grant);
  grant.fresh = session.uses++ == 0;
  grant.waiter = waiter.id;
  grant.ticket = enter(slot, SlotState::leased, now);
  session.leak_said = false;
  unused_losses_ = 0;
  next_warm_ = now;
}

void PoolCore::make_usable(int slot, TimePoint now) {
  Slot& session = slots_[static_cast<std::size_t>(slot)];
  const bool was_checked = session.state == SlotState::checking;
  const TimePoint since = session.since;
  session.checked = now;
  if (draining_) return close(slot, now, CloseReason::draining);
  if (worn(session, now) || surplus()) return close(slot, now, CloseReason::worn);
  enter(slot, SlotState::idle, now);
  if (was_checked) session.since = since;
}

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
  session.generation = ++last_generation_;  // never the same again, also of a slot that went and came back
  return {slot, session.generation};
}

bool PoolCore::worn(const Slot& slot, TimePoint now) const {
  return now >= slot.expires || slot.uses >= policy_.max_uses || slot.epoch != epoch_ ||
         slot.trouble >= trouble_of_sick_session;
}

int PoolCore::freshest_idle() const {
  int best = -1;
  for (int i = 0; i < slots(); ++i) {
    if (state(i) != SlotState::idle) continue;
    if (best < 0 || slots_[static_cast<std::size_t>(i)].since > slots_[static_cast<std::size_t>(best)].since)
      best = i;
  }
  return best;
}

}  // namespace linewatch::connection
