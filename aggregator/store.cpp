#include "aggregator/store.hpp"

#include <algorithm>
#include <utility>

namespace linewatch::aggregator {

namespace asio = boost::asio;
using connection::Clock;
using connection::TimePoint;
using std::chrono::system_clock;

namespace {

// Of a place in more ranges than are kept apart (journal.hpp) what lies between some counts as unsettled
// after a kill: it was delivered, and is not in the count.
void less(std::uint64_t& count, std::uint64_t by) {
  count -= std::min(count, by);
}

}  // namespace

Store::Store(asio::any_io_executor loop, const config::BufferSettings& limits,
             std::unique_ptr<Journal> journal, std::shared_ptr<spdlog::logger> log, StoreTiming timing)
    : loop_(loop),
      limits_(limits),
      journal_(std::move(journal)),
      log_(std::move(log)),
      timing_(timing),
      release_timer_(loop),
      read_timer_(loop),
      commit_timer_(loop),
      commit_bell_(loop) {
  // Greater than any number that an earlier run gave: 4096 records in each millisecond there was.
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(system_clock::now().time_since_epoch());
  first_ = base_ = sendable_ = stored_to_ = static_cast<Sequence>(std::max<std::int64_t>(now.count(), 1))
                                            << 12U;
  next_held_ = first_;
}

Store::~Store() = default;

std::size_t Store::add_destination(const std::string& nodes) {
  const auto free = std::ranges::find_if(cursors_, &Cursor::gone);
  const auto number = static_cast<std::size_t>(free - cursors_.begin());
  if (free == cursors_.end()) cursors_.emplace_back();
  Cursor& cursor = cursors_[number];
  cursor = {};
  cursor.nodes = nodes;
  cursor.id = next_cursor_++;
  cursor.from = tail();
  claim(cursor);
  dirty();
  return number;
}

void Store::rename_destination(std::size_t destination, const std::string& nodes) {
  cursors_[destination].nodes = nodes;
  dirty();
}

void Store::remove_destination(std::size_t destination) {
  Cursor& cursor = cursors_[destination];
  dropped_with_destinations_ += queued(destination);
  cursor.id = 0;
  cursor.gone = true;
  cursor.waiting.clear();
  cursor.loaded.clear();
  for (Sequence one = base_; one < tail(); ++one) release_if_unwanted(one);
  trim();
  dirty();
}

void Store::set_limits(const config::BufferSettings& limits) {
  const std::uint64_t disk = limits_.disk;
  limits_ = limits;
  if (limits.disk == 0) limits_.disk = disk;
  dirty();
}

bool Store::anybody() const {
  return !std::ranges::all_of(cursors_, &Cursor::gone);
}

bool Store::wants(const Cursor& cursor, Sequence sequence) const {
  if (cursor.gone) return false;
  if (sequence >= sendable_) return sequence >= cursor.from;
  return cursor.waiting.contains(sequence) || cursor.flying.contains(sequence);
}

void Store::add(Record record, TimePoint now) {
  const bool wanted = anybody() && !record.items.empty();
  const bool held = record.not_before > system_clock::now();
  if (record.turn && !ended_ && (!wanted || held)) set_turn(record.line, turn_until(record));
  if (!wanted) return;
  if (ended_) {
    for (Cursor& cursor : cursors_)
      if (!cursor.gone) cursor.drops[static_cast<std::size_t>(DropReason::stopped)] += record.items.size();
    return;
  }
  expire(now);
  auto kept = std::make_shared<const Record>(std::move(record));
  if (held)
    hold(std::move(kept), now);
  else
    append(std::move(kept), now);
  dirty();
}

void Store::hold(std::shared_ptr<const Record> record, TimePoint at) {
  held_values_ += record->items.size();
  const Held held{next_held_++, record, at};
  if (journal_) new_held_.push_back({held.id, wall_ms(at), record});
  held_.emplace(record->not_before, held);
  arm_release();
  make_room();
}

void Store::arm_release() {
  if (held_.empty()) return;
  const auto wait = held_.begin()->first - system_clock::now();
  // Looked at now and then, since the wall clock may be set.
  release_timer_.expires_after(
      std::clamp<Clock::duration>(wait, Clock::duration::zero(), std::chrono::seconds(10)));
  release_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!error && self) self->release_held();
  });
}

// In the order they came: a line's values are all held until the same time.
void Store::release_held() {
  const auto now = system_clock::now();
  while (!held_.empty() && held_.begin()->first <= now) {
    const Held held = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    held_values_ -= held.record->items.size();
    let_go(held.id);
    append(held.record, held.at);
  }
  arm_release();
  dirty();
}

// It is not held back on disk any more, or never will be.
void Store::let_go(std::uint64_t held) {
  if (!journal_) return;
  if (std::erase_if(new_held_, [&](const StoredRow& row) { return row.sequence == held; }) == 0)
    released_.push_back(held);
}

void Store::append(std::shared_ptr<const Record> record, TimePoint at) {
  const std::size_t count = record->items.size();
  values_ += count;
  for (Cursor& cursor : cursors_) {
    if (!cursor.gone) cursor.queued += count;
  }
  entries_.push_back({std::move(record), at});
  ++live_;
  make_room();
  if (!journal_ || !failure_.empty()) open_to(tail());
}

void Store::open_to(Sequence end) {
  if (end <= sendable_) return;
  for (Cursor& cursor : cursors_) {
    if (!cursor.gone) cursor.waiting.insert({std::max(sendable_, cursor.from), end});
  }
  sendable_ = end;
  ready();
}

void Store::make_room() {
  // The newest stays even if it alone is beyond the limit: with a tiny limit the agent still shows the
  // present.
  while (values_ + held_values_ > limits_.memory && entries_.size() + held_.size() > 1) {
    if (journal_ && !entries_.empty() && base_ < stored_to_) {  // it is on disk
      forget(base_);
      entries_.pop_front();
      ++base_;
      continue;
    }
    // The next commit makes room, and comes soon.
    if (journal_ && failure_.empty() && values_ + held_values_ <= 2 * limits_.memory + 10'000) return;
    drop_one();
  }
}

// The oldest of the newest record's line, else the oldest of all.
void Store::drop_one() {
  if (entries_.size() < 2) return drop_held();
  const LineKey line = entries_.back().record ? entries_.back().record->line : no_line;
  const auto end = entries_.end() - 1;
  auto victim = end;
  // A line that brings nothing any more keeps its records; what has gone between them must not pile up.
  if (entries_.size() <= 2 * live_ + 1000)
    victim = std::find_if(entries_.begin(), end,
                          [&](const Entry& entry) { return entry.record && entry.record->line == line; });
  if (victim == end)
    victim = std::find_if(entries_.begin(), end, [](const Entry& entry) { return entry.record != nullptr; });
  if (victim == end) return drop_held();
  const auto sequence = base_ + static_cast<Sequence>(victim - entries_.begin());
  give_up(sequence, victim->record->items.size(), DropReason::memory_full);
  trim();
}

void Store::drop_held() {
  if (held_.empty()) return trim();
  const Held held = std::move(held_.begin()->second);
  held_.erase(held_.begin());
  const std::size_t count = held.record->items.size();
  held_values_ -= count;
  let_go(held.id);
  for (Cursor& cursor : cursors_)
    if (!cursor.gone) cursor.drops[static_cast<std::size_t>(DropReason::memory_full)] += count;
}

void Store::expire(TimePoint now) {
  while (!entries_.empty() && now - entries_.front().at > limits_.max_age) {
    if (entries_.front().record) give_up(base_, entries_.front().record->items.size(), DropReason::too_old);
    trim();
  }
}

void Store::give_up(Sequence sequence, std::uint64_t values, DropReason reason) {
  for (Cursor& cursor : cursors_) {
    if (cursor.flying.contains(sequence)) {
      cursor.condemned.emplace(sequence, reason);
    } else if (wants(cursor, sequence)) {
      less(cursor.queued, values);
      cursor.drops[static_cast<std::size_t>(reason)] += values;
    }
    const auto loaded = std::ranges::lower_bound(cursor.loaded, sequence, {}, &Row::sequence);
    if (loaded != cursor.loaded.end() && loaded->sequence == sequence) cursor.loaded.erase(loaded);
    if (cursor.loading) cursor.lost.insert(sequence);
  }
  // Also what the commit under way is about to bring there.
  if (on_disk_.contains(sequence) || (committing_ && sequence >= stored_to_)) dropped_.insert(sequence);
  forget(sequence);
  dirty();
}

// Its record leaves memory.
void Store::forget(Sequence sequence) {
  if (sequence < base_) return;
  auto& record = entries_[sequence - base_].record;
  if (!record) return;
  if (sequence >= stored_to_ && record->turn)
    set_turn(record->line, turn_until(*record));  // no row tells of it
  values_ -= record->items.size();
  --live_;
  record.reset();
}

void Store::release_if_unwanted(Sequence sequence) {
  if (std::ranges::none_of(cursors_, [&](const Cursor& cursor) { return wants(cursor, sequence); }))
    forget(sequence);
}

void Store::trim() {
  while (!entries_.empty() && !entries_.front().record) {
    entries_.pop_front();
    ++base_;
  }
  sendable_ = std::max(sendable_, base_);
}

Batch Store::take(std::size_t destination, std::size_t max_values) {
  Cursor& cursor = cursors_[destination];
  const bool newest_first = limits_.replay == config::BufferSettings::Replay::fresh_first;
  Batch batch;
  std::optional<Sequence> from;  // what is older cannot be read now
  while (batch.values < max_values) {
    const auto next = newest_first ? cursor.waiting.last() : cursor.waiting.at_least(from.value_or(0));
    if (!next) break;
    Row row;
    const Found found = find(cursor, *next, row);
    if (found == Found::not_loaded) {
      load(destination);
      if (newest_first || from || (failure_.empty() && read_failure_.empty())) break;
      from = base_;
      continue;
    }
    const std::size_t count = found == Found::row ? row.record->items.size() : 0;
    if (count > max_values - batch.values && !batch.rows.empty()) {
      if (*next < base_) keep_loaded(cursor, std::span(&row, 1));
      break;
    }
    cursor.waiting.erase(*next);
    if (found == Found::hole) continue;
    cursor.flying.insert(*next);
    batch.values += count;
    cursor.flying_values += count;
    batch.rows.push_back(std::move(row));
  }
  if (newest_first) std::ranges::reverse(batch.rows);
  return batch;
}

void Store::delivered(std::size_t destination, std::span<const Row> rows) {
  Cursor& cursor = cursors_[destination];
  for (const Row& row : rows) {
    cursor.flying.erase(row.sequence);
    cursor.condemned.erase(row.sequence);
    cursor.flying_values -= row.record->items.size();
    less(cursor.queued, row.record->items.size());
    release_if_unwanted(row.sequence);
  }
  trim();
  dirty();
}

void Store::drop(std::size_t destination, std::span<const Row> rows, DropReason reason) {
  Cursor& cursor = cursors_[destination];
  for (const Row& row : rows) cursor.drops[static_cast<std::size_t>(reason)] += row.record->items.size();
  delivered(destination, rows);
}

void Store::returned(std::size_t destination, std::span<const Row> rows) {
  Cursor& cursor = cursors_[destination];
  std::vector<Row> from_disk;
  for (const Row& row : rows) {
    cursor.flying.erase(row.sequence);
    cursor.flying_values -= row.record->items.size();
    const auto condemned = cursor.condemned.find(row.sequence);
    if (condemned != cursor.condemned.end()) {
      less(cursor.queued, row.record->items.size());
      cursor.drops[static_cast<std::size_t>(condemned->second)] += row.record->items.size();
      cursor.condemned.erase(condemned);
      continue;
    }
    cursor.waiting.insert(row.sequence);
    if (row.sequence < base_) from_disk.push_back(row);
  }
  keep_loaded(cursor, from_disk);
}

std::uint64_t Store::unsaved(std::size_t destination) const {
  const Cursor& cursor = cursors_[destination];
  if (on_disk_until_ == 0) return cursor.queued + held_values_;
  std::uint64_t values = 0;
  for (Sequence one = std::max(base_, on_disk_until_); one < tail(); ++one) {
    const Entry& entry = entries_[one - base_];
    if (entry.record && wants(cursor, one)) values += entry.record->items.size();
  }
  for (const StoredRow& held : new_held_) values += held.record->items.size();
  return values;
}

void Store::drop_unsaved() {
  for (std::size_t i = 0; i < cursors_.size(); ++i) {
    if (cursors_[i].gone) continue;
    const std::uint64_t lost = unsaved(i);
    cursors_[i].drops[static_cast<std::size_t>(DropReason::stopped)] += lost;
    less(cursors_[i].queued, lost);
  }
  if (on_disk_until_ == 0) held_values_ = 0;
}

std::optional<TimePoint> Store::oldest(std::size_t destination) const {
  const auto first = cursors_[destination].waiting.first();
  if (!first) return std::nullopt;
  return *first < base_ ? TimePoint::min() : entries_[*first - base_].at;
}

bool Store::nearly_empty() const {
  return values_ + held_values_ <= limits_.memory / 2 && (!journal_ || octets_ <= limits_.disk / 2);
}

BufferStatistics Store::statistics() const {
  return {values_ + held_values_,
          limits_.memory,
          octets_,
          journal_ ? limits_.disk : 0,
          failure_.empty() ? read_failure_ : failure_,
          lost_};
}

}  // namespace linewatch::aggregator
