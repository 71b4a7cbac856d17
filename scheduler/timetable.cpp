#include "scheduler/timetable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "config/stable_hash.hpp"

namespace linewatch::scheduler {

using connection::Clock;

Timetable::Timetable(std::string router, std::vector<TimetableEntry> entries, TimePoint epoch, TimePoint now)
    : router_(std::move(router)), epoch_(epoch), entries_(std::move(entries)), slots_(slots_of(entries_)) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    start(i, now);
    push(i);
  }
}

void Timetable::replace(std::vector<TimetableEntry> entries, TimePoint now) {
  const std::vector<TimetableEntry> entries_before = std::exchange(entries_, std::move(entries));
  const std::vector<Slot> slots_before = std::exchange(slots_, slots_of(entries_));
  std::unordered_map<std::string_view, std::size_t> known;
  for (std::size_t i = 0; i < entries_before.size(); ++i) known.emplace(entries_before[i].line, i);
  heap_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const auto before = known.find(entries_[i].line);
    if (before == known.end()) {
      start(i, now);
    } else {
      carry_over(i, slots_before[before->second], entries_before[before->second].interval, now);
    }
    push(i);
  }
}

// The phases alone: a pure function of the router's name and the set of entries.
std::vector<Timetable::Slot> Timetable::slots_of(const std::vector<TimetableEntry>& entries) const {
  std::vector<Slot> slots(entries.size());
  std::map<config::Duration, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < entries.size(); ++i) groups[entries[i].interval].push_back(i);

  for (auto& [interval, group] : groups) {
    std::ranges::sort(group, {}, [&](std::size_t i) -> const std::string& { return entries[i].line; });
    const std::uint64_t hash = config::stable_hash(fmt::format("{} {}", router_, interval.count()));
    const auto offset = static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(interval.count()));
    const auto count = static_cast<std::int64_t>(group.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const std::size_t entry = group[static_cast<std::size_t>(i)];
      slots[entry].phase = config::Duration{(offset + interval.count() * i / count) % interval.count()};
    }
  }
  return slots;
}

// The first time at or after `earliest` that lies the slot's phase into an interval counted from the epoch.
TimePoint Timetable::slot_from(const Slot& slot, config::Duration interval, TimePoint earliest) const {
  const auto since = earliest - epoch_ - slot.phase;
  auto turns = since / interval;
  if (since > Clock::duration::zero() && since % interval != Clock::duration::zero()) ++turns;
  return epoch_ + slot.phase + turns * interval;
}

std::uint64_t Timetable::turns_between(std::size_t entry, TimePoint after, TimePoint until) const {
  const config::Duration interval = entries_[entry].interval;
  const TimePoint first = slot_from(slots_[entry], interval, after + Clock::duration(1));
  return first > until ? 0 : 1 + static_cast<std::uint64_t>((until - first) / interval);
}

TimePoint Timetable::slot_near(const Slot& slot, config::Duration interval, TimePoint target) const {
  return slot_from(slot, interval, target - Clock::duration(interval) / 2);
}

void Timetable::start(std::size_t entry, TimePoint now) {
  Slot& slot = slots_[entry];
  slot.due = slot_from(slot, entries_[entry].interval, now);
  slot.last = slot.due - entries_[entry].interval;
}

void Timetable::carry_over(std::size_t entry, const Slot& before, config::Duration interval_before,
                           TimePoint now) {
  Slot& slot = slots_[entry];
  const config::Duration interval = entries_[entry].interval;
  if (interval != interval_before && !before.taken) return start(entry, now);
  slot.last = before.last;
  slot.taken = before.taken;
  if (before.due <= now) {
    slot.due = before.due;
  } else if (interval != interval_before) {
    slot.due = slot_from(slot, interval, std::max(now, before.last + Clock::duration(interval) / 2));
  } else {
    slot.due = slot_near(slot, interval, before.last + interval);
    if (slot.due < now) slot.due = before.due;
  }
}

void Timetable::push(std::size_t entry) {
  heap_.push_back(entry);
  std::ranges::push_heap(heap_, std::ranges::greater{}, [this](std::size_t i) { return slots_[i].due; });
}

TimePoint Timetable::next_due() const {
  return heap_.empty() ? TimePoint::max() : slots_[heap_.front()].due;
}

std::optional<Turn> Timetable::take(TimePoint now) {
  if (next_due() > now) return std::nullopt;
  std::ranges::pop_heap(heap_, std::ranges::greater{}, [this](std::size_t i) { return slots_[i].due; });
  const std::size_t entry = heap_.back();
  heap_.pop_back();

  Slot& slot = slots_[entry];
  const config::Duration interval = entries_[entry].interval;
  // Late by whole intervals (a suspended host, a stalled loop): only the latest turn is taken, the others are
  // skipped.
  const auto missed = (now - slot.due) / interval;
  Turn turn{entry, slot.due + missed * interval, static_cast<std::uint64_t>(missed)};
  slot.last = turn.due;
  slot.taken = true;
  // A whole interval later, but for the one turn that an edit left beside its slot.
  slot.due = slot_near(slot, interval, turn.due + interval);
  if (slot.due <= now) slot.due += interval;
  push(entry);
  return turn;
}

}  // namespace linewatch::scheduler
