#pragma once
// The one buffer of all destinations: records in the order they came, each destination's place among them, in
// memory and, where there is a journal, on disk. Owned by the aggregator, used on its loop only.
//
// With a journal a record is accepted when it is committed, and only then sent: whatever the agent is killed
// in, a turn is either in the file or counted as skipped after the next start, never both. Memory then holds
// the newest records and what is being sent; older ones are read back when a destination comes to them. While
// the disk fails, and without a journal, memory is all there is and records may be sent at once.
//
// A record leaves when every destination has it. When memory or disk is full, the oldest record of the line
// that brought a new one goes (without any, the oldest of all), and counts as dropped for each destination
// that still wanted it. What is in flight when its record is dropped is counted when the flight ends: each
// value ends as delivered or as dropped, never as both.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <spdlog/logger.h>

#include "aggregator/drops.hpp"
#include "aggregator/journal.hpp"
#include "aggregator/record.hpp"
#include "aggregator/sequences.hpp"
#include "aggregator/statistics.hpp"
#include "config/settings.hpp"
#include "connection/bell.hpp"
#include "connection/context.hpp"

namespace linewatch::aggregator {

struct Row {
  Sequence sequence = 0;
  std::shared_ptr<const Record> record;
};

// Records for one destination, ascending, to be sent now.
struct Batch {
  std::vector<Row> rows;
  std::size_t values = 0;
};

struct StoreTiming {
  connection::Clock::duration commit = std::chrono::milliseconds(50);  // from the first change to its commit
  connection::Clock::duration retry = std::chrono::seconds(1);         // of a disk that failed
  connection::Clock::duration tidy = std::chrono::seconds(10);  // from one deletion of what was delivered
};

class Store : public std::enable_shared_from_this<Store> {
 public:
  // `journal`: null keeps all in memory.
  Store(boost::asio::any_io_executor loop, const config::BufferSettings& limits,
        std::unique_ptr<Journal> journal, std::shared_ptr<spdlog::logger> log, StoreTiming timing = {});
  ~Store();

  // Opens the journal and takes over what it holds; before destinations are added.
  void open();
  // Called whenever a destination may have more to send, or values were dropped.
  void on_ready(std::function<void()> call) { ready_ = std::move(call); }

  // Called when a file that could not be read at the start could be later: take_last_turns() has its turns.
  void on_turns_found(std::function<void()> call) { turns_found_ = std::move(call); }

  // One more, by its nodes ("10.0.0.5:10051,10.0.0.6:10051"). What the journal holds for a destination that
  // shares a node with it is its own; else it gets what is added from now on. Its number may be that of one
  // that left.
  std::size_t add_destination(const std::string& nodes);
  void rename_destination(std::size_t destination, const std::string& nodes);
  // Nothing is kept for it any more. No flight may be under way.
  void remove_destination(std::size_t destination);
  // What the journal holds for destinations that were not added is dropped, and counted in the log.
  void forget_other_destinations();
  // At work from the next value on. Whether there is a journal is decided at the start.
  void set_limits(const config::BufferSettings& limits);

  void add(Record record, connection::TimePoint now);
  void expire(connection::TimePoint now);  // drops what is in memory and older than the maximal age

  // Begins a flight: the next values, whole records, one at least. Empty if there is nothing that can be sent
  // now; on_ready() tells when there is again.
  Batch take(std::size_t destination, std::size_t max_values);
  // How rows of a flight ended. `returned`: they are the next to be taken.
  void delivered(std::size_t destination, std::span<const Row> rows);
  void returned(std::size_t destination, std::span<const Row> rows);
  void drop(std::size_t destination, std::span<const Row> rows, DropReason reason);

  // Commits what is not on disk yet, as long as the context lasts, and closes the journal; what is added
  // later counts as dropped. No flight may be under way. What is on disk is for the next start.
  connection::Awaitable<void> close(connection::Context ctx);
  // After close(): what is left and is not on disk, and that it is lost.
  std::uint64_t unsaved(std::size_t destination) const;
  void drop_unsaved();

  // Kept for it, flight and what is held back included.
  std::uint64_t queued(std::size_t destination) const { return cursors_[destination].queued + held_values_; }
  // Of these what is neither in flight nor held back.
  std::uint64_t waiting(std::size_t destination) const {
    return cursors_[destination].queued - cursors_[destination].flying_values;
  }
  const Drops& drops(std::size_t destination) const { return cursors_[destination].drops; }
  // What was kept for destinations that are no longer there.
  std::uint64_t dropped_with_destinations() const { return dropped_with_destinations_; }
  // When the oldest came that can be sent; what must be read from disk came long ago.
  std::optional<connection::TimePoint> oldest(std::size_t destination) const;
  bool nearly_empty() const;  // below half of every limit: dropping has ended
  // Something has come that can be sent after the next commit, which is on its way.
  bool settling() const { return journal_ && failure_.empty() && sendable_ < tail(); }
  bool writing() const { return journal_ && (dirty_ || committing_); }  // something is not on disk yet
  BufferStatistics statistics() const;

  // Until when each line's turns are accounted for, wall time in milliseconds, as the journal had it at the
  // start; and what is counted over all runs. Without a journal the one is empty and the other of this run.
  std::vector<LineTurn> take_last_turns() { return std::move(last_turns_); }
  void set_turns(std::vector<LineTurn> turns);  // all there are
  void set_turn(LineKey line, std::int64_t until);
  void count(const std::string& name, std::uint64_t more);
  const std::map<std::string, std::uint64_t>& counters() const { return counters_; }

 private:
  struct Entry {
    std::shared_ptr<const Record> record;  // null: nobody wants it any more
    connection::TimePoint at;
  };
  struct Held {
    std::uint64_t id = 0;
    std::shared_ptr<const Record> record;
    connection::TimePoint at;
  };
  struct Cursor {
    std::string nodes;
    std::uint64_t id = 0;    // no other destination ever had it
    Sequence from = 0;       // wants what came from there on
    Sequences waiting;       // may be sent; what has been dropped among it is passed over
    Sequences flying;        // taken, and how it ends is not known yet
    std::deque<Row> loaded;  // of `waiting`, ascending: what was read back from the disk
    bool loading = false;
    std::unordered_set<Sequence> lost;                   // dropped while it was loading
    std::unordered_map<Sequence, DropReason> condemned;  // dropped while it was flying
    std::uint64_t queued = 0, flying_values = 0;
    Drops drops{};
    bool gone = false;  // removed: its number is free
  };

  Sequence tail() const { return base_ + entries_.size(); }
  bool anybody() const;
  bool wants(const Cursor& cursor, Sequence sequence) const;
  void hold(std::shared_ptr<const Record> record, connection::TimePoint at);
  void release_held();
  void let_go(std::uint64_t held);
  void arm_release();
  void append(std::shared_ptr<const Record> record, connection::TimePoint at);
  void open_to(Sequence end);
  void make_room();
  void drop_one();
  void drop_held();
  void give_up(Sequence sequence, std::uint64_t values, DropReason reason);
  void forget(Sequence sequence);
  void release_if_unwanted(Sequence sequence);
  void trim();
  void ready() const {
    if (ready_) ready_();
  }

  // What one destination needs from the disk (store_disk.cpp).
  enum class Found { row, hole, not_loaded };
  Found find(Cursor& cursor, Sequence sequence, Row& out);
  void load(std::size_t destination);
  void loaded(std::size_t destination, const ReadRequest& request,
              std::expected<std::vector<StoredRow>, JournalFailure> answer);
  void read_failed(const JournalFailure& failure);
  void keep_loaded(Cursor& cursor, std::span<const Row> rows);

  // Between memory and disk (store_disk.cpp).
  void adopt(JournalState state);
  void claim(Cursor& cursor);
  void dirty();
  void commit();
  Transaction next_transaction();
  void committed(std::expected<Committed, JournalFailure> answer, Sequence end);
  void commit_failed(const JournalFailure& failure);
  void take_victims(const std::vector<Victim>& victims);
  void lost_file();
  std::int64_t wall_ms(connection::TimePoint at) const;

  boost::asio::any_io_executor loop_;
  config::BufferSettings limits_;
  std::unique_ptr<Journal> journal_;
  std::shared_ptr<spdlog::logger> log_;
  StoreTiming timing_;
  std::function<void()> ready_, turns_found_;

  std::deque<Entry> entries_;  // in memory, from base_ on
  std::size_t live_ = 0;       // of these, how many have a record
  Sequence base_ = 0;
  Sequence sendable_ = 0;     // what came before it has been offered to the destinations
  std::uint64_t values_ = 0;  // in entries_
  std::multimap<std::chrono::system_clock::time_point, Held> held_;
  std::uint64_t held_values_ = 0, next_held_ = 1, dropped_with_destinations_ = 0;
  boost::asio::steady_timer release_timer_;
  std::vector<Cursor> cursors_;
  std::uint64_t next_cursor_ = 1;
  bool ended_ = false;

  Sequence first_ = 0;      // of this run
  Sequence stored_to_ = 0;  // what came before it is on disk, if anybody wants it
  Sequences on_disk_;
  std::vector<StoredDestination> unclaimed_;
  std::unordered_set<Sequence> dropped_, dropping_;  // to be deleted from the disk; being deleted
  std::vector<StoredRow> new_held_;                  // to be written
  std::vector<std::uint64_t> released_;              // to be deleted
  std::unordered_map<LineKey, std::int64_t> turns_;  // to be written
  std::vector<LineTurn> all_turns_;                  // instead of what is written
  bool turns_anew_ = false;
  std::map<std::string, std::uint64_t> counters_;
  connection::TimePoint tidied_ = connection::TimePoint::min();  // when what was delivered was last deleted
  Transaction under_way_;                                        // of it what is needed if it fails
  bool committing_ = false, dirty_ = false;
  bool hurried_ = false;                  // what is dirty is to be committed at once
  Sequence on_disk_until_ = 0;            // after close(): stored_to_, if there was a journal
  bool stale_ = false;                    // the commit under way goes to a file that was begun anew
  std::string read_failure_;              // why the last reading failed; empty: it did not
  boost::asio::steady_timer read_timer_;  // runs while nothing is to be read after a failure
  bool reading_rests_ = false;
  std::string failure_;  // why the last commit failed; empty: it did not
  std::string lost_;     // what came over the last file that was lost
  std::uint64_t octets_ = 0;
  std::vector<LineTurn> last_turns_;
  boost::asio::steady_timer commit_timer_;
  connection::Bell commit_bell_;
};

}  // namespace linewatch::aggregator
