#include "scheduler/timetable.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "config/stable_hash.hpp"

namespace linewatch::scheduler {

namespace {

// The first time at or after `now` that lies `phase` into an interval counted from `epoch`.
TimePoint first_due(TimePoint epoch, config::Duration phase, config::Duration interval, TimePoint now) {
  const auto since = now - epoch - phase;
  auto turns = since / interval;
  if (since > connection::Clock::duration::zero() && since % interval != connection::Clock::duration::zero())
    ++turns;
  return epoch + phase + turns * interval;
}

}  // namespace

Timetable::Timetable(std::string_view router, std::vector<TimetableEntry> entries, TimePoint epoch,
                     TimePoint now)
    : entries_(std::move(entries)), slots_(entries_.size()) {
  std::map<config::Duration, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < entries_.size(); ++i) groups[entries_[i].interval].push_back(i);

  for (auto& [interval, group] : groups) {
    std::ranges::sort(group, {}, [&](std::size_t i) -> const std::string& { return entries_[i].line; });
    const auto offset =
        static_cast<std::int64_t>(config::stable_hash(router) % static_cast<std::uint64_t>(interval.count()));
    const auto count = static_cast<std::int64_t>(group.size());
    for (std::int64_t i = 0; i < count; ++i) {
      const std::size_t entry = group[static_cast<std::size_t>(i)];
      const config::Duration phase{(offset + interval.count() * i / count) % interval.count()};
      slots_[entry] = {phase, first_due(epoch, phase, interval, now)};
    }
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) push(i);
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
  slot.due = turn.due + interval;
  push(entry);
  return turn;
}

}  // namespace linewatch::scheduler
