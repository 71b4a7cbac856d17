#include "connection/pool/core.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/counted.hpp"
#include "connection/pool/demand.hpp"

namespace linewatch::connection {

using config::counted;

namespace {

std::string seconds(Clock::duration duration) {
  return fmt::format("{:.1f} s", std::chrono::duration<double>(duration).count());
}

// A session that is left in mid-command three times in a row, or at more than every fifth use, is sick.
constexpr int trouble_of_dirty_use = 4, trouble_of_sick_session = 12;

// Follows the last eight or so.
void average(std::optional<Clock::duration>& mean, Clock::duration measured) {
  mean = mean ? *mean + (measured - *mean) / 8 : measured;
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
      next_login_(now),
      limit_(static_cast<int>(slots_.size())) {
  counts_[static_cast<std::size_t>(SlotState::vacant)] = static_cast<int>(slots_.size());
  actions_.reserve(slots_.size() + 4);
}

// --- callers
// -------------------------------------------------------------------------------------------------------

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

// --- reports
// -------------------------------------------------------------------------------------------------------

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
  enter(ticket.slot, SlotState::vacant, now);
  ++statistics_.login_failures;
  const int sessions = live() - count(SlotState::connecting);
  if (error.code == ErrorCode::session_limit) note_session_limit(now, sessions);
  const bool merely_smaller = error.code == ErrorCode::session_limit && sessions > 0;
  if (error.code != ErrorCode::cancelled && !merely_smaller) {
    note_failure(now);
    last_login_error_ = std::move(error);
  }
  settle(now);
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
  fit_slots();
  settle(now);
}

void PoolCore::session_lost(TimePoint now, Ticket ticket) {
  const Slot* const slot = honour(ticket, SlotState::idle);
  if (!slot) return;
  recent_losses_.count(now);
  if (slot->uses == 0) note_unused_loss(now);
  close(ticket.slot, now, CloseReason::lost);
  settle(now);
}

// A router that closes what nobody has used yet would be logged in to without end, only to keep warm.
void PoolCore::note_unused_loss(TimePoint now) {
  next_warm_ = now + jittered(backoff(unused_losses_++), 0.2);
}

// --- time
// ----------------------------------------------------------------------------------------------------------

void PoolCore::start(TimePoint now) {
  started_ = true;
  resting_ = false;
  next_login_ = now;
  settle(now);
}

void PoolCore::rest(TimePoint now) {
  started_ = false;
  resting_ = true;
  for (int i = 0; i < slots() && waiters_.empty(); ++i) {
    if (state(i) == SlotState::connecting) actions_.push_back({Action::Kind::abort_login, ticket(i)});
  }
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
    if (state(i) == SlotState::connecting) actions_.push_back({Action::Kind::abort_login, ticket(i)});
  }
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

// --- decisions
// -----------------------------------------------------------------------------------------------------

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

bool PoolCore::surplus() const {
  return live() - count(SlotState::closing) > std::max(1, policy_.max_connections);
}

void PoolCore::raise_limit(TimePoint now) {
  while (limit_ < policy_.max_connections && now >= limit_return_) {
    ++limit_;
    limit_return_ += policy_.limit_return;
  }
}

// As many slots as max_connections, and for a while those beyond it whose sessions are still there.
void PoolCore::fit_slots() {
  const auto maximum = static_cast<std::size_t>(std::max(1, policy_.max_connections));
  while (slots_.size() > maximum && slots_.back().state == SlotState::vacant) {
    slots_.pop_back();
    --counts_[static_cast<std::size_t>(SlotState::vacant)];
  }
  while (slots_.size() < maximum) {
    slots_.emplace_back();
    ++counts_[static_cast<std::size_t>(SlotState::vacant)];
  }
}

void PoolCore::retire_idle(TimePoint now) {
  for (int i = 0; i < slots(); ++i) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    if (slot.state != SlotState::idle) continue;
    if (worn(slot, now) || surplus()) {
      close(i, now, CloseReason::worn);
    } else if (more_than_warm() && now >= idle_until(slot)) {
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
    recent_wait_timeouts_.count(now);
    const ErrorCode code = timeout_code();
    refuse(*waiter,
           {code, Phase::waiting,
            fmt::format("{}: {}: {}", router_,
                        code == ErrorCode::held_back
                            ? "the login waits for its turn among all logins of the agent (connection.total)"
                            : "no session came free",
                        why_no_session(now, waiter->arrived))});
    waiter = waiters_.erase(waiter);
  }
}

void PoolCore::find_leaks(TimePoint now) {
  for (int i = 0; i < slots(); ++i) {
    Slot& slot = slots_[static_cast<std::size_t>(i)];
    if (slot.state != SlotState::leased || slot.leak_said || now < slot.since + policy_.leak_warning)
      continue;
    slot.leak_said = true;
    ++statistics_.leaks;
    actions_.push_back({Action::Kind::leak, ticket(i)});
  }
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

void PoolCore::close(int slot, TimePoint now, CloseReason reason) {
  Action action{Action::Kind::close};
  action.ticket = enter(slot, SlotState::closing, now);
  action.reason = reason;
  ++statistics_.closed_for[static_cast<std::size_t>(reason)];
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
  std::vector<Waiter> refused;
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
  session.generation = ++last_generation_;  // never the same again, also of a slot that went and came back
  return {slot, session.generation};
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

bool PoolCore::more_than_warm() const {
  return live() - count(SlotState::closing) > (started_ ? policy_.min_connections : 0);
}

TimePoint PoolCore::idle_until(const Slot& slot) const {
  return slot.since +
         (resting_ ? std::min(policy_.rest_timeout, policy_.idle_timeout) : policy_.idle_timeout);
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

Clock::duration PoolCore::jittered(Clock::duration base, double fraction) {
  std::uniform_real_distribution<double> spread(1.0 - fraction, 1.0 + fraction);
  return std::chrono::duration_cast<Clock::duration>(base * spread(random_));
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
