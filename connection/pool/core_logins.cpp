// Logins: when the core begins one, and what it learns from how they end.

#include <algorithm>
#include <utility>

#include "connection/pool/core.hpp"
#include "connection/pool/demand.hpp"

namespace linewatch::connection {

void PoolCore::login_began(TimePoint now, Ticket ticket) {
  Slot* slot = honour(ticket, SlotState::connecting);
  if (!slot) return;
  slot->began = true;
  slot->since = now;
}

void PoolCore::login_succeeded(TimePoint now, Ticket ticket) {
  Slot* slot = honour(ticket, SlotState::connecting);
  if (!slot) return;
  ++statistics_.created;
  statistics_.login_time.add(now - slot->since);
  average(mean_login_, now - slot->since);
  // The router grants more than it last said.
  if (limit_ < policy_.max_connections) limit_ = std::max(limit_, live() - count(SlotState::closing));
  failures_ = 0;
  last_login_error_.reset();
  next_login_ = now;
  slot->uses = slot->trouble = 0;
  slot->born = now;
  slot->expires = now + jittered(policy_.max_lifetime, 0.1);
  make_usable(ticket.slot, now);
  settle(now);
}

void PoolCore::login_failed(TimePoint now, Ticket ticket, Error error) {
  if (!honour(ticket, SlotState::connecting)) return;
  const bool with_old_credentials = slots_[static_cast<std::size_t>(ticket.slot)].epoch != epoch_;
  enter(ticket.slot, SlotState::vacant, now);
  if (error.code != ErrorCode::cancelled) ++statistics_.login_failures;
  const int sessions = live() - count(SlotState::connecting);
  if (error.code == ErrorCode::session_limit) note_session_limit(now, sessions);
  const bool merely_smaller = error.code == ErrorCode::session_limit && sessions > 0;
  if (error.code != ErrorCode::cancelled && !merely_smaller && !with_old_credentials) {
    note_failure(now);
    last_login_error_ = std::move(error);
  }
  settle(now);
}

void PoolCore::abort_logins() {
  for (int i = 0; i < slots(); ++i) {
    if (state(i) == SlotState::connecting) actions_.push_back({Action::Kind::abort_login, ticket(i)});
  }
}

// Others are logged in there, too: what the router grants us for now is what we have.
void PoolCore::note_session_limit(TimePoint now, int sessions) {
  ++statistics_.session_limits;
  limit_ = std::clamp(sessions, 1, policy_.max_connections);
  limit_return_ = now + policy_.limit_return;
}

void PoolCore::note_failure(TimePoint now) {
  next_login_ = now + jittered(backoff(failures_), 0.2);
  ++failures_;
  if (!breaker_open()) return;
  next_login_ = std::max(next_login_, now + policy_.breaker_cool_down);
  if (failures_ == policy_.breaker_failures) ++statistics_.breaker_openings;
}

Clock::duration PoolCore::backoff(int failures_before) const {
  const Clock::duration doubled = policy_.backoff_first * (1LL << std::min(failures_before, 20));
  return std::min(doubled, policy_.backoff_max);
}

void PoolCore::start_logins(TimePoint now) {
  reconsider_at_ = TimePoint::max();
  login_due_ = warm_due_ = false;
  if (draining_) return;
  warm_due_ = started_ && !warming(now) && live() - count(SlotState::closing) < policy_.min_connections;
  int wanted = std::min(wanted_logins(now), room());
  if (wanted > 0 && now < next_login_) {
    login_due_ = true;
    return;
  }
  // After a failure one login at a time feels its way: a router in trouble is not stormed.
  if (last_login_error_) wanted = std::min(wanted, count(SlotState::connecting) == 0 ? 1 : 0);
  for (int i = 0; i < slots() && wanted > 0; ++i) {
    if (state(i) != SlotState::vacant) continue;
    --wanted;
    const Ticket ticket = enter(i, SlotState::connecting, now);
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    slot.began = false;
    slot.epoch = epoch_;
    actions_.push_back({Action::Kind::login, ticket});
  }
  if (!waiters_.empty() && mean_login_ && room() > 0 && count(SlotState::connecting) == 0) {
    const TimePoint then = waiters_.front().arrived + *mean_login_;
    if (then > now) reconsider_at_ = then;
  }
}

// What the waiters and min_connections want, whatever room there is.
int PoolCore::wanted_logins(TimePoint now) const {
  Demand demand;
  demand.waiting = static_cast<int>(waiters_.size());
  if (!waiters_.empty()) demand.longest_wait = now - waiters_.front().arrived;
  demand.leased = count(SlotState::leased);
  demand.connecting = count(SlotState::connecting);
  demand.soon_usable = demand.connecting + count(SlotState::checking) + count(SlotState::recovering);
  demand.live = live() - count(SlotState::closing);
  demand.min_connections = warming(now) ? policy_.min_connections : 0;
  demand.mean_use = mean_use_;
  demand.login_time = mean_login_;
  return logins_wanted(demand);
}

// A session that closes counts as long as the router may count it.
int PoolCore::room() const {
  return std::clamp(maximum() - live(), 0, count(SlotState::vacant));
}

int PoolCore::maximum() const {
  return std::min(limit_, std::max(1, policy_.max_connections));
}

void PoolCore::raise_limit(TimePoint now) {
  while (limit_ < policy_.max_connections && now >= limit_return_) {
    ++limit_;
    limit_return_ += policy_.limit_return;
  }
}

Clock::duration PoolCore::jittered(Clock::duration base, double fraction) {
  std::uniform_real_distribution<double> spread(1.0 - fraction, 1.0 + fraction);
  return std::chrono::duration_cast<Clock::duration>(base * spread(random_));
}

}  // namespace linewatch::connection
