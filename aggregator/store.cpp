#include "aggregator/store.hpp"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

namespace linewatch::aggregator {

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::memory_full:
      return "memory_full";
    case DropReason::too_old:
      return "too_old";
    case DropReason::refused:
      return "refused";
    case DropReason::stopped:
      return "stopped";
    case DropReason::removed:
      return "removed";
  }
  return "memory_full";
}

std::uint64_t total(const Drops& drops) {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}

Store::Store(std::uint64_t limit, config::Duration max_age, std::size_t destinations)
    : limit_(limit), max_age_(max_age), cursors_(destinations) {}

std::size_t Store::add_destination() {
  Cursor cursor;
  cursor.next = {base_ + entries_.size(), 0};
  const auto free = std::ranges::find_if(cursors_, &Cursor::gone);
  const auto number = static_cast<std::size_t>(free - cursors_.begin());
  if (free == cursors_.end()) cursors_.emplace_back();
  cursors_[number] = std::move(cursor);
  return number;
}

void Store::remove_destination(std::size_t destination) {
  drop_all(destination, DropReason::removed);
  cursors_[destination].gone = true;
  trim();
}

void Store::set_limits(std::uint64_t limit, config::Duration max_age) {
  limit_ = limit;
  max_age_ = max_age;
}

void Store::add(Record record, connection::TimePoint now) {
  if (std::ranges::all_of(cursors_, &Cursor::gone) || record.items.empty()) return;
  expire(now);
  const std::size_t count = record.items.size();
  values_ += count;
  for (Cursor& cursor : cursors_) {
    if (!cursor.gone) cursor.queued += count;
  }
  entries_.push_back({std::make_shared<const Record>(std::move(record)), now});
  // The newest stays even if it alone is beyond the limit: with a tiny limit the agent still shows the
  // present.
  while (values_ > limit_ && entries_.size() > 1) drop_oldest(DropReason::memory_full);
}

void Store::expire(connection::TimePoint now) {
  while (!entries_.empty() && now - entries_.front().at > max_age_) drop_oldest(DropReason::too_old);
}

void Store::drop_oldest(DropReason reason) {
  const std::size_t count = entries_.front().record->items.size();
  for (Cursor& cursor : cursors_) {
    if (cursor.gone) continue;
    const Place first{base_, 0}, beyond{base_ + 1, 0};
    if (cursor.end && *cursor.end > first) {  // in flight, at least in part: counted when the flight ends
      cursor.lost = reason;
    } else if (cursor.next < beyond) {
      const std::size_t settled = cursor.next.sequence == base_ ? cursor.next.offset : 0;
      drop(cursor, count - settled, reason);
      if (!cursor.end) cursor.next = beyond;
    }
  }
  values_ -= count;
  entries_.pop_front();
  ++base_;
}

void Store::drop(Cursor& cursor, std::uint64_t values, DropReason reason) {
  cursor.queued -= values;
  cursor.drops[static_cast<std::size_t>(reason)] += values;
}

Batch Store::take(std::size_t destination, std::size_t max_values, std::size_t max_records) {
  Cursor& cursor = cursors_[destination];
  Batch batch;
  batch.offset = cursor.next.offset;
  Place end = cursor.next;
  while (end.sequence - base_ < entries_.size() && batch.records.size() < max_records) {
    const auto& record = entries_[end.sequence - base_].record;
    const std::size_t count = record->items.size() - end.offset;
    const std::size_t room = max_values - batch.values;
    if (count > room && !batch.records.empty()) break;
    batch.records.push_back(record);
    batch.values += std::min(count, room);
    end = count > room ? Place{end.sequence, end.offset + room} : Place{end.sequence + 1, 0};
    if (batch.values >= max_values) break;
  }
  if (batch.values == 0) return {};
  cursor.end = end;
  cursor.flight = batch;
  return batch;
}

// Values of the flight, from `from` on, whose records left the store while it was under way.
std::uint64_t Store::fallen_out(const Cursor& cursor, Place from) const {
  std::uint64_t lost = 0;
  for (std::size_t i = 0; i < cursor.flight.records.size(); ++i) {
    const std::uint64_t sequence = cursor.next.sequence + i;
    if (sequence >= base_) break;
    const std::size_t count = cursor.flight.records[i]->items.size();
    if (sequence < from.sequence) continue;
    lost += sequence == from.sequence ? count - from.offset : count;
  }
  return lost;
}

void Store::settle(Cursor& cursor, Place next) {
  drop(cursor, fallen_out(cursor, next), cursor.lost);
  cursor.next = std::max(next, Place{base_, 0});
  cursor.end.reset();
  cursor.flight = {};
  trim();
}

void Store::delivered(std::size_t destination) {
  Cursor& cursor = cursors_[destination];
  if (!cursor.end) return;
  cursor.queued -= cursor.flight.values;
  settle(cursor, *cursor.end);
}

void Store::returned(std::size_t destination) {
  Cursor& cursor = cursors_[destination];
  if (cursor.end) settle(cursor, cursor.next);
}

void Store::drop_flight(std::size_t destination, DropReason reason) {
  Cursor& cursor = cursors_[destination];
  if (!cursor.end) return;
  drop(cursor, cursor.flight.values, reason);
  settle(cursor, *cursor.end);
}

void Store::drop_all(std::size_t destination, DropReason reason) {
  Cursor& cursor = cursors_[destination];
  drop(cursor, cursor.queued, reason);
  cursor.next = {base_ + entries_.size(), 0};
  trim();
}

void Store::trim() {
  std::uint64_t wanted = base_ + entries_.size();
  for (const Cursor& cursor : cursors_) {
    if (!cursor.gone) wanted = std::min(wanted, cursor.next.sequence);
  }
  while (base_ < wanted) {
    values_ -= entries_.front().record->items.size();
    entries_.pop_front();
    ++base_;
  }
}

std::optional<connection::TimePoint> Store::oldest(std::size_t destination) const {
  const std::uint64_t sequence = std::max(cursors_[destination].next.sequence, base_);
  if (sequence - base_ >= entries_.size()) return std::nullopt;
  return entries_[sequence - base_].at;
}

}  // namespace linewatch::aggregator
