// The store's dealings with its journal: what goes to the disk and when, and what is read back.

#include <algorithm>
#include <ranges>
#include <utility>

#include "aggregator/store.hpp"

namespace linewatch::aggregator {

using connection::Clock;
using connection::TimePoint;
using std::chrono::system_clock;

namespace {

constexpr std::uint64_t load_values = 8192;  // read back at once for one destination
constexpr std::size_t most_read_ranges = 64;
// So many are committed without waiting for more: what is sent after each commit comes in a stream then.
constexpr std::uint64_t rows_at_once = 1000;

// "a:1,b:2" and "b:2,c:3" share a node.
bool share_node(std::string_view one, std::string_view other) {
  for (const auto node : std::views::split(one, ',')) {
    for (const auto candidate : std::views::split(other, ','))
      if (std::ranges::equal(node, candidate)) return true;
  }
  return false;
}

}  // namespace

std::int64_t Store::wall_ms(TimePoint at) const {
  const auto wall =
      system_clock::now() - std::chrono::duration_cast<system_clock::duration>(Clock::now() - at);
  return std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count();
}

void Store::open() {
  if (!journal_) return;
  auto opened = journal_->open();
  if (!opened) {
    commit_failed(opened.error());
    return;
  }
  lost_ = opened->remark;
  if (!lost_.empty())
    log_->error("the buffer on disk begins anew, what it held is not sent: {}", opened->remark);
  adopt(std::move(opened->state));
}

void Store::adopt(JournalState state) {
  if (state.rows) {
    on_disk_.insert(*state.rows);
    if (entries_.empty() && state.rows->last > base_)
      first_ = base_ = sendable_ = stored_to_ = state.rows->last;
  }
  for (auto& row : state.held) {
    held_values_ += row.record->items.size();
    next_held_ = std::max(next_held_, row.sequence + 1);
    held_.emplace(row.record->not_before, Held{row.sequence, row.record, Clock::now()});
  }
  arm_release();
  for (auto& [name, value] : state.counters) counters_[name] += value;
  last_turns_ = std::move(state.turns);
  unclaimed_ = std::move(state.destinations);
  for (Cursor& cursor : cursors_)
    if (!cursor.gone) claim(cursor);
  if (turns_found_) turns_found_();
}

void Store::claim(Cursor& cursor) {
  auto found = std::ranges::find(unclaimed_, cursor.nodes, &StoredDestination::nodes);
  if (found == unclaimed_.end())
    found = std::ranges::find_if(unclaimed_,
                                 [&](const auto& stored) { return share_node(stored.nodes, cursor.nodes); });
  if (found == unclaimed_.end()) return;
  for (const Range& range : found->unsettled.ranges())
    cursor.waiting.insert({range.first, std::min(range.last, first_)});
  cursor.queued += found->queued;
  for (std::size_t i = 0; i < drop_reasons; ++i) cursor.drops[i] += found->drops[i];
  unclaimed_.erase(found);
  ready();
}

void Store::forget_other_destinations() {
  for (const StoredDestination& stored : std::exchange(unclaimed_, {})) {
    dropped_with_destinations_ += stored.queued;
    if (stored.queued > 0)
      log_->warn(
          "values in the buffer for a destination that is no longer configured are dropped destination={} "
          "dropped={}",
          stored.nodes, stored.queued);
  }
  dirty();
}

// ---- what a destination needs from the disk

Store::Found Store::find(Cursor& cursor, Sequence sequence, Row& out) {
  if (sequence >= base_) {
    out = {sequence, entries_[sequence - base_].record};
    return out.record ? Found::row : Found::hole;
  }
  const bool newest_first = limits_.replay == config::BufferSettings::Replay::fresh_first;
  auto& loaded = cursor.loaded;
  if (loaded.empty()) return journal_ ? Found::not_loaded : Found::hole;
  Row& next = newest_first ? loaded.back() : loaded.front();
  if (next.sequence != sequence) {  // another part is wanted now
    loaded.clear();
    return journal_ ? Found::not_loaded : Found::hole;
  }
  out = std::move(next);
  if (newest_first)
    loaded.pop_back();
  else
    loaded.pop_front();
  return Found::row;
}

void Store::keep_loaded(Cursor& cursor, std::span<const Row> rows) {
  if (rows.empty()) return;
  std::deque<Row> all;
  std::ranges::merge(rows, cursor.loaded, std::back_inserter(all), {}, &Row::sequence, &Row::sequence);
  cursor.loaded = std::move(all);
}

void Store::load(std::size_t destination) {
  Cursor& cursor = cursors_[destination];
  if (cursor.loading || !journal_ || reading_rests_) return;
  ReadRequest request;
  request.newest_first = limits_.replay == config::BufferSettings::Replay::fresh_first;
  request.max_values = load_values;
  request.ranges = cursor.waiting.ranges_below(base_);
  if (request.ranges.size() > most_read_ranges) {
    if (request.newest_first)
      request.ranges.erase(request.ranges.begin(), request.ranges.end() - most_read_ranges);
    else
      request.ranges.resize(most_read_ranges);
  }
  cursor.loading = true;
  cursor.lost.clear();
  journal_->read(request, [this, destination, id = cursor.id, request](auto answer) {
    if (cursors_[destination].id == id) loaded(destination, request, std::move(answer));
  });
}

void Store::loaded(std::size_t destination, const ReadRequest& request,
                   std::expected<std::vector<StoredRow>, JournalFailure> answer) {
  Cursor& cursor = cursors_[destination];
  cursor.loading = false;
  if (!answer) return read_failed(answer.error());
  if (!read_failure_.empty())
    log_->info("the buffer on disk is read again file={}", journal_->file().string());
  read_failure_.clear();
  // Between the rows that were found lies nothing any more.
  std::uint64_t values = 0;
  for (const StoredRow& row : *answer) values += row.record->items.size();
  Range seen{request.ranges.front().first, request.ranges.back().last};
  if (values >= request.max_values && request.newest_first) seen.first = answer->back().sequence;
  if (values >= request.max_values && !request.newest_first) seen.last = answer->back().sequence + 1;
  std::vector<Row> rows;
  for (StoredRow& row : *answer) {
    if (!cursor.waiting.contains(row.sequence) || cursor.lost.contains(row.sequence) ||
        dropped_.contains(row.sequence) || dropping_.contains(row.sequence))
      continue;
    rows.push_back({row.sequence, std::move(row.record)});
  }
  std::ranges::sort(rows, {}, &Row::sequence);
  for (const Range& range : request.ranges)
    cursor.waiting.erase({std::max(range.first, seen.first), std::min(range.last, seen.last)});
  for (const Row& row : rows) cursor.waiting.insert(row.sequence);
  for (const Row& row : cursor.loaded) cursor.waiting.insert(row.sequence);
  keep_loaded(cursor, rows);
  dirty();
  ready();
}

// What is in memory goes on; the disk is asked again after a while.
void Store::read_failed(const JournalFailure& failure) {
  if (failure.lost) {
    lost_ = failure.text;
    log_->error("what the buffer on disk held is lost and counted as dropped: {}", failure.text);
    return lost_file();
  }
  if (read_failure_.empty())
    log_->error("the buffer on disk cannot be read, what is in memory is sent before it cause=\"{}\"",
                failure.text);
  read_failure_ = failure.text;
  reading_rests_ = true;
  read_timer_.expires_after(timing_.retry);
  read_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->reading_rests_ = false;
    self->ready();
  });
  ready();
}

// ---- between memory and disk

void Store::dirty() {
  if (!journal_) return;
  const bool many = failure_.empty() && tail() - std::max(stored_to_, base_) >= rows_at_once;
  const bool waits = std::exchange(dirty_, true);
  if (committing_ || (waits && (hurried_ || !many))) return;
  hurried_ = many;
  commit_timer_.expires_after(many               ? Clock::duration::zero()
                              : failure_.empty() ? timing_.commit
                                                 : timing_.retry);
  commit_timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!error && self) self->commit();
  });
}

void Store::set_turns(std::vector<LineTurn> turns) {
  if (!journal_) return;
  turns_.clear();
  all_turns_ = std::move(turns);
  turns_anew_ = true;
  dirty();
}

void Store::set_turn(LineKey line, std::int64_t until) {
  if (!journal_) return;
  std::int64_t& known = turns_[line];
  known = std::max(known, until);
  dirty();
}

void Store::count(const std::string& name, std::uint64_t more) {
  if (more == 0) return;
  counters_[name] += more;
  dirty();
}

Transaction Store::next_transaction() {
  Transaction next;
  for (Sequence one = std::max(stored_to_, base_); one < tail(); ++one) {
    const Entry& entry = entries_[one - base_];
    if (entry.record) next.rows.push_back({one, wall_ms(entry.at), entry.record});
  }
  Sequences wanted;
  for (const Cursor& cursor : cursors_) {
    if (cursor.gone) continue;
    StoredDestination stored{cursor.nodes, cursor.waiting, cursor.queued, cursor.drops};
    for (const Range& range : cursor.flying.ranges()) stored.unsettled.insert(range);
    stored.unsettled.insert({std::max(sendable_, cursor.from), tail()});
    for (const Range& range : stored.unsettled.ranges()) wanted.insert(range);
    next.destinations.push_back(std::move(stored));
  }
  for (const StoredDestination& stored : unclaimed_) {
    next.destinations.push_back(stored);
    for (const Range& range : stored.unsettled.ranges()) wanted.insert(range);
  }
  // Many rows deleted at once cost a fraction, and wear down the disk less.
  const TimePoint now = Clock::now();
  next.tidy = now >= tidied_ + timing_.tidy;
  if (next.tidy) tidied_ = now;
  const bool scattered = std::ranges::any_of(next.destinations, [](const StoredDestination& destination) {
    return destination.unsettled.count_ranges() > most_unsettled;
  });
  if (next.tidy || ended_ || scattered || octets_ > limits_.disk / 2) {
    Sequences settled = on_disk_;
    for (const Range& range : wanted.ranges()) settled.erase(range);
    next.settled = settled.ranges();
  }
  dropping_ = std::exchange(dropped_, {});
  next.dropped.assign(dropping_.begin(), dropping_.end());
  next.held = std::exchange(new_held_, {});
  next.released = std::exchange(released_, {});
  next.turns_anew = std::exchange(turns_anew_, false);
  next.turns = std::exchange(all_turns_, {});
  for (auto& [line, until] : std::exchange(turns_, {})) next.turns.emplace_back(line, until);
  next.counters.assign(counters_.begin(), counters_.end());
  next.limit = limits_.disk;
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(limits_.max_age).count();
  next.expire_before_ms = wall_ms(Clock::now()) - age;
  next.newest_before = first_;
  return next;
}

void Store::commit() {
  if (committing_ || !journal_) return;
  committing_ = true;
  dirty_ = false;
  Transaction next = next_transaction();
  const Sequence end = tail();
  // What is needed again if it fails. Rows and places are made anew.
  under_way_ = {.held = next.held,
                .released = next.released,
                .settled = next.settled,
                .turns = next.turns,
                .turns_anew = next.turns_anew};
  journal_->commit(std::move(next), [this, end](auto answer) { committed(std::move(answer), end); });
}

void Store::committed(std::expected<Committed, JournalFailure> answer, Sequence end) {
  committing_ = false;
  const Transaction done = std::exchange(under_way_, {});
  if (!answer || answer->found) {
    // All of it once more, with what has come since.
    dropped_.merge(dropping_);
    new_held_.insert(new_held_.begin(), done.held.begin(), done.held.end());
    released_.insert(released_.end(), done.released.begin(), done.released.end());
    for (const auto& [line, until] : done.turns) {
      std::int64_t& known = turns_[line];
      known = std::max(known, until);
    }
    turns_anew_ = turns_anew_ || done.turns_anew;
    if (!answer) return commit_failed(answer.error());
    adopt(*std::move(answer->found));
    forget_other_destinations();
    return commit();
  }
  if (std::exchange(stale_, false)) {  // all of it once more, into the new file
    dropping_.clear();
    dirty_ = false;
    dirty();
    return commit_bell_.ring();
  }
  dropping_.clear();
  if (!failure_.empty()) {
    log_->info("the buffer is written to disk again file={}", journal_->file().string());
    failure_.clear();
  }
  octets_ = answer->octets;
  if (end > stored_to_) on_disk_.insert({stored_to_, end});
  stored_to_ = std::max(stored_to_, end);
  for (const Range& range : done.settled) on_disk_.erase(range);
  take_victims(answer->victims);
  open_to(end);
  make_room();
  if (std::exchange(dirty_, false)) dirty();
  commit_bell_.ring();
}

void Store::commit_failed(const JournalFailure& failure) {
  if (failure.lost) {
    lost_ = failure.text;
    lost_file();
  }
  if (failure_.empty())
    log_->error(
        "the buffer cannot use the disk, results are kept in memory alone meanwhile limit={} cause=\"{}\"",
        limits_.memory, failure.text);
  failure_ = failure.text;
  open_to(tail());
  make_room();
  dirty_ = false;
  dirty();
  commit_bell_.ring();
}

void Store::take_victims(const std::vector<Victim>& victims) {
  for (const Victim& victim : victims) {
    if (dropped_.contains(victim.sequence)) continue;  // for another reason, meanwhile
    give_up(victim.sequence, victim.values, victim.reason);
  }
  if (victims.empty()) return;
  trim();
  dirty_ = true;
  ready();
}

// What was on disk alone is gone; what is in memory too is written again.
void Store::lost_file() {
  stale_ = committing_;
  on_disk_.clear();
  dropped_.clear();
  stored_to_ = base_;
  for (Cursor& cursor : cursors_) {
    if (cursor.gone) continue;
    for (const Range& range : cursor.waiting.ranges_below(base_)) cursor.waiting.erase(range);
    std::uint64_t kept = cursor.flying_values;
    for (const Row& row : cursor.loaded) {
      cursor.waiting.insert(row.sequence);
      kept += row.record->items.size();
    }
    for (Sequence one = base_; one < tail(); ++one) {
      const Entry& entry = entries_[one - base_];
      if (entry.record && wants(cursor, one) && !cursor.flying.contains(one))
        kept += entry.record->items.size();
    }
    const std::uint64_t lost = cursor.queued - std::min(cursor.queued, kept);
    cursor.drops[static_cast<std::size_t>(DropReason::disk_lost)] += lost;
    cursor.queued -= lost;
  }
  new_held_.clear();
  for (const auto& [until, held] : held_) new_held_.push_back({held.id, wall_ms(held.at), held.record});
  dirty();
  ready();
}

connection::Awaitable<void> Store::close(connection::Context ctx) {
  const auto self = shared_from_this();
  ended_ = true;
  release_timer_.cancel();
  while (journal_ && (dirty_ || committing_) && failure_.empty() && !ctx.expired() && !ctx.stopped()) {
    commit_timer_.cancel();
    commit();
    co_await commit_bell_.wait(ctx);
  }
  commit_timer_.cancel();
  read_timer_.cancel();
  if (journal_) on_disk_until_ = stored_to_;
  if (journal_ && !failure_.empty())
    log_->warn(
        "the buffer on disk does not know what was measured and delivered last: the next start may send some "
        "of it again and count its turns as skipped cause=\"{}\"",
        failure_);
  journal_.reset();
}

}  // namespace linewatch::aggregator
