#pragma once
// The one store of all destinations: records in the order they came, a cursor for each destination, and a
// limit on the values kept in total. No I/O and no clock of its own. Owned by the aggregator, used on its
// loop only.
//
// A record leaves when every destination has it; when the limit is passed, the oldest goes first, and counts
// as dropped for each destination that still wanted it. What is in flight when its record is dropped is
// counted when the flight ends: each value ends as delivered or as dropped, never as both.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "aggregator/record.hpp"
#include "config/duration.hpp"
#include "connection/context.hpp"

namespace linewatch::aggregator {

enum class DropReason {
  memory_full,  // buffer.memory
  too_old,      // buffer.max_age
  refused,      // the destination closes whenever it is sent, and takes others
  stopped,      // still here when the agent ended
  removed,      // the destination was taken out of the configuration
};
inline constexpr std::size_t drop_reasons = 5;
std::string_view to_string(DropReason reason);

using Drops = std::array<std::uint64_t, drop_reasons>;  // values, by reason
std::uint64_t total(const Drops& drops);

// Consecutive records for one destination, to be sent as one packet.
struct Batch {
  std::vector<std::shared_ptr<const Record>> records;
  std::size_t offset = 0;  // items of the first record that went before
  std::size_t values = 0;  // items from there on; the last record may be cut
};

class Store {
 public:
  Store(std::uint64_t limit, config::Duration max_age, std::size_t destinations);

  // One more, which gets what is added from now on; its number may be that of one that left.
  std::size_t add_destination();
  // Nothing is kept for it any more; what was counts as dropped. No flight may be under way.
  void remove_destination(std::size_t destination);
  void set_limits(std::uint64_t limit, config::Duration max_age);  // at work from the next value on

  void add(Record record, connection::TimePoint now);
  void expire(connection::TimePoint now);  // drops what is older than the maximal age

  // Begins a flight: the oldest values, whole records as long as one fits into `max_values`. Empty if there
  // is nothing.
  Batch take(std::size_t destination, std::size_t max_values, std::size_t max_records);
  void delivered(std::size_t destination);  // the flight ended well
  void returned(std::size_t destination);   // it did not: the same values are the next to be taken
  void drop_flight(std::size_t destination, DropReason reason);
  void drop_all(std::size_t destination, DropReason reason);  // no flight may be under way

  std::uint64_t values() const { return values_; }  // kept in total, a shared one counted once
  std::uint64_t limit() const { return limit_; }
  std::uint64_t queued(std::size_t destination) const {
    return cursors_[destination].queued;
  }  // flight included
  const Drops& drops(std::size_t destination) const { return cursors_[destination].drops; }
  std::optional<connection::TimePoint> oldest(std::size_t destination) const;  // when its oldest value came

 private:
  struct Entry {
    std::shared_ptr<const Record> record;
    connection::TimePoint at;
  };
  struct Place {
    std::uint64_t sequence = 0;  // of a record; the first one ever is 0
    std::size_t offset = 0;      // of an item in it
    auto operator<=>(const Place&) const = default;
  };
  struct Cursor {
    Place next;                // the first value not settled
    std::optional<Place> end;  // of the flight under way
    Batch flight;
    DropReason lost = DropReason::memory_full;  // why records of the flight left the store
    std::uint64_t queued = 0;
    Drops drops{};
    bool gone = false;  // removed: its number is free
  };

  void drop_oldest(DropReason reason);
  void drop(Cursor& cursor, std::uint64_t values, DropReason reason);
  std::uint64_t fallen_out(const Cursor& cursor, Place from) const;
  void settle(Cursor& cursor, Place next);
  void trim();

  std::uint64_t limit_;
  config::Duration max_age_;
  std::deque<Entry> entries_;
  std::uint64_t base_ = 0;  // sequence of entries_.front()
  std::uint64_t values_ = 0;
  std::vector<Cursor> cursors_;
};

}  // namespace linewatch::aggregator
