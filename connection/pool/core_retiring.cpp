// Sessions that are checked, worn, lost or no longer needed.

#include <algorithm>
#include <utility>

#include "connection/pool/core.hpp"

namespace linewatch::connection {

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

bool PoolCore::surplus() const {
  return live() - count(SlotState::closing) > std::max(1, policy_.max_connections);
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

void PoolCore::close(int slot, TimePoint now, CloseReason reason) {
  Action action{Action::Kind::close};
  action.ticket = enter(slot, SlotState::closing, now);
  action.reason = reason;
  ++statistics_.closed_for[static_cast<std::size_t>(reason)];
  actions_.push_back(std::move(action));
}

bool PoolCore::more_than_warm() const {
  return live() - count(SlotState::closing) > (started_ ? policy_.min_connections : 0);
}

TimePoint PoolCore::idle_until(const Slot& slot) const {
  return slot.since +
         (resting_ ? std::min(policy_.rest_timeout, policy_.idle_timeout) : policy_.idle_timeout);
}

}  // namespace linewatch::connection
