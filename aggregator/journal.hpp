#pragma once
// The buffer's file: SQLite in WAL mode, on a thread of its own, since its calls block. What is committed
// survives a kill -9, and with `synchronous: full` a power loss. Owned by the store; answers come on the
// store's loop, each exactly once, none after the journal is destroyed.
//
// A file that SQLite cannot read is set aside beside its place (".corrupt", one of them) and a new one begun.
// On any other failure the next transaction opens the file anew.

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "aggregator/drops.hpp"
#include "aggregator/record.hpp"
#include "aggregator/sequences.hpp"
#include "config/settings.hpp"

namespace linewatch::aggregator {

// Ranges of a destination's place that are kept apart: amid a round there may be hundreds, since hosts are
// sent in lanes. Of more, what lies between the nearest counts as unsettled.
inline constexpr std::size_t most_unsettled = 4096;

struct StoredRow {
  Sequence sequence = 0;
  std::int64_t at_ms = 0;  // wall time when it came, Unix milliseconds
  std::shared_ptr<const Record> record;
};

// A destination's place: what it still has to get, by its nodes ("10.0.0.5:10051,10.0.0.6:10051").
struct StoredDestination {
  std::string nodes;
  Sequences unsettled;
  std::uint64_t queued = 0;  // values in `unsettled`
  Drops drops{};
};

// Until when a line's turns are accounted for, wall time in milliseconds.
using LineTurn = std::pair<LineKey, std::int64_t>;

// What the file held when it was opened.
struct JournalState {
  std::vector<StoredDestination> destinations;
  std::vector<StoredRow> held;  // by their release; `sequence` is the row's id
  std::vector<LineTurn> turns;
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  std::optional<Range> rows;  // from the first to the last
};

// All of it or nothing.
struct Transaction {
  std::vector<StoredRow> rows;
  std::vector<StoredRow> held;
  std::vector<std::uint64_t> released;  // ids of held rows
  std::vector<Range> settled;           // nobody wants them any more
  std::vector<Sequence> dropped;
  std::vector<StoredDestination> destinations;  // all there are
  std::vector<LineTurn> turns;                  // that no row tells of
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  bool turns_anew = false;            // `turns` are all there are
  bool tidy = false;                  // what the rows tell of turns is put apart
  std::uint64_t limit = 0;            // octets of the file, free pages apart
  std::int64_t expire_before_ms = 0;  // rows that came earlier are too old
  Sequence newest_before = 0;         // what was in the file before this run has smaller numbers
};

struct Victim {  // a row that has to go; it is still there
  Sequence sequence = 0;
  std::uint64_t values = 0;
  DropReason reason = DropReason::disk_full;
};

struct Committed {
  std::uint64_t octets = 0;  // of the file, free pages apart
  // Of each line that brought rows while the file is beyond its limit the oldest, and what is too old.
  std::vector<Victim> victims;
  // The file could not be opened at the start and could now: nothing was written yet, this is what it holds.
  std::optional<JournalState> found;
};

struct ReadRequest {
  std::vector<Range> ranges;  // ascending
  bool newest_first = false;
  std::uint64_t max_values = 0;
};

struct JournalFailure {
  std::string text;   // one clause
  bool lost = false;  // what the file held is gone: it was set aside, or somebody took it away
};

class Journal {
 public:
  using CommitAnswer = std::function<void(std::expected<Committed, JournalFailure>)>;
  using ReadAnswer = std::function<void(std::expected<std::vector<StoredRow>, JournalFailure>)>;

  Journal(boost::asio::any_io_executor loop, std::filesystem::path file,
          config::BufferSettings::Synchronous synchronous);
  ~Journal();  // what was asked for is done before
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Before anything else, by the caller's thread. `remark`: one sentence when a file was set aside.
  struct Opened {
    JournalState state;
    std::string remark;
  };
  std::expected<Opened, JournalFailure> open();
  void commit(Transaction transaction, CommitAnswer answer);
  // The rows of the ranges in their order, or backwards; fewer when max_values is reached.
  void read(ReadRequest request, ReadAnswer answer);
  const std::filesystem::path& file() const { return file_; }

 private:
  struct Worker;
  std::filesystem::path file_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace linewatch::aggregator
