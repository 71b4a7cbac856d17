#include "aggregator/journal_file.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "aggregator/record.hpp"

namespace linewatch::aggregator {

namespace {

constexpr std::size_t most_expired = 10'000;          // rows in one transaction
constexpr const char* application_id = "1280792919";  // "LWbW"

constexpr const char* tables = R"(
CREATE TABLE result (
  sequence INTEGER PRIMARY KEY,
  line INTEGER NOT NULL,       -- stable_hash of its id; 0: the router's or the agent's own
  at INTEGER NOT NULL,         -- wall time when it came, Unix milliseconds
  item_count INTEGER NOT NULL,
  turn INTEGER NOT NULL,       -- the line's turns are accounted for until then, Unix milliseconds; 0: no turn
  record BLOB NOT NULL);
CREATE TABLE held (
  id INTEGER PRIMARY KEY,
  line INTEGER NOT NULL,
  at INTEGER NOT NULL,
  until INTEGER NOT NULL,      -- Unix milliseconds
  record BLOB NOT NULL);
CREATE TABLE destination (
  nodes TEXT PRIMARY KEY,
  unsettled TEXT NOT NULL,     -- "1-5,9-12"
  queued INTEGER NOT NULL,
  drops TEXT NOT NULL);        -- by reason
CREATE TABLE turn (
  line INTEGER PRIMARY KEY,
  until INTEGER NOT NULL);     -- its turns are accounted for until then, Unix milliseconds
CREATE TABLE folded (sequence INTEGER NOT NULL);  -- what later results say of turns is not in `turn` yet
INSERT INTO folded VALUES (0);
CREATE TABLE counter (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL) WITHOUT ROWID;
)";

std::int64_t milliseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::string text_of(const Drops& drops) {
  std::string out;
  for (const std::uint64_t count : drops) out += (out.empty() ? "" : " ") + std::to_string(count);
  return out;
}

Drops drops_of(std::string_view text) {
  Drops out{};
  std::size_t reason = 0;
  for (const char c : text) {
    if (c == ' ')
      ++reason;
    else if (reason < out.size() && c >= '0' && c <= '9')
      out[reason] = out[reason] * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return out;
}

std::shared_ptr<const Record> record_of(std::string_view octets, LineKey line) {
  auto record = decode(octets);
  if (!record) throw sqlite::Failure(SQLITE_CORRUPT, "a row holds no result");
  record->line = line;
  return std::make_shared<const Record>(*std::move(record));
}

}  // namespace

struct JournalFile::Statements {
  explicit Statements(sqlite::Database& database)
      : begin(database, "BEGIN IMMEDIATE"),
        commit(database, "COMMIT"),
        insert(database, "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?, ?)"),
        hold(database, "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?)"),
        release(database, "DELETE FROM held WHERE id = ?"),
        settle(database, "DELETE FROM result WHERE sequence >= ? AND sequence < ?"),
        turn(database,
             "INSERT INTO turn VALUES (?, ?) ON CONFLICT (line) DO UPDATE SET until = max(until, "
             "excluded.until)"),
        // Without the index, which would have it read all there are.
        fold(
            database,
            "INSERT INTO turn SELECT line, max(turn) FROM result NOT INDEXED WHERE sequence >= ? "
            "AND turn > 0 GROUP BY line ON CONFLICT (line) DO UPDATE SET until = max(until, excluded.until)"),
        folded(database, "UPDATE folded SET sequence = ?"),
        counter(database, "INSERT OR REPLACE INTO counter VALUES (?, ?)"),
        destination(database, "INSERT INTO destination VALUES (?, ?, ?, ?)"),
        forget_destinations(database, "DELETE FROM destination"),
        oldest(database, "SELECT sequence, item_count, at FROM result ORDER BY sequence LIMIT ?"),
        oldest_of_line(database,
                       "SELECT sequence, item_count FROM result WHERE line = ? ORDER BY sequence LIMIT ?"),
        up(database,
           "SELECT sequence, line, at, item_count, record FROM result WHERE sequence >= ? AND sequence < ? "
           "ORDER BY sequence"),
        down(database,
             "SELECT sequence, line, at, item_count, record FROM result WHERE sequence >= ? AND sequence < ? "
             "ORDER BY sequence DESC"),
        pages(database, "PRAGMA page_count"),
        free_pages(database, "PRAGMA freelist_count"),
        page_size(database, "PRAGMA page_size") {}

  sqlite::Statement begin, commit, insert, hold, release, settle, turn, fold, folded, counter, destination,
      forget_destinations, oldest, oldest_of_line, up, down, pages, free_pages, page_size;
};

JournalFile::JournalFile(const std::filesystem::path& file, config::BufferSettings::Synchronous synchronous)
    : database_(file) {
  database_.run("PRAGMA locking_mode = EXCLUSIVE");  // no shared memory file; the state directory is locked
  database_.run("PRAGMA auto_vacuum = INCREMENTAL");
  database_.run("PRAGMA journal_mode = WAL");
  database_.run(synchronous == config::BufferSettings::Synchronous::full ? "PRAGMA synchronous = FULL"
                                                                         : "PRAGMA synchronous = NORMAL");
  database_.run("PRAGMA journal_size_limit = 4194304");
  database_.run("PRAGMA cache_size = -4096");  // KiB
  make_schema();
  folded_ = static_cast<Sequence>(database_.number("SELECT sequence FROM folded"));
  indexed_ = database_.number("SELECT count(*) FROM sqlite_master WHERE name = 'result_line'") > 0;
  statements_ = std::make_unique<Statements>(database_);
}

JournalFile::~JournalFile() = default;

void JournalFile::make_schema() {
  const std::int64_t version = database_.number("PRAGMA user_version");
  if (version == schema) return;
  if (version != 0)
    throw sqlite::Failure(
        SQLITE_ERROR,
        "it was made by another version of linewatch (schema " + std::to_string(version) +
            ", this one reads " + std::to_string(schema) +
            "); move it away and a new one is begun, what it holds can be sent by that version");
  database_.run("BEGIN IMMEDIATE");
  database_.run(tables);
  database_.run((std::string("PRAGMA application_id = ") + application_id).c_str());
  database_.run(("PRAGMA user_version = " + std::to_string(schema)).c_str());
  database_.run("COMMIT");
}

JournalState JournalFile::state() {
  JournalState out;
  sqlite::Statement destinations(database_, "SELECT nodes, unsettled, queued, drops FROM destination");
  while (destinations.step()) {
    auto unsettled = Sequences::parse(destinations.text(1));
    if (!unsettled) throw sqlite::Failure(SQLITE_CORRUPT, "a destination's place is unreadable");
    out.destinations.push_back({std::string(destinations.text(0)), *std::move(unsettled),
                                destinations.count(2), drops_of(destinations.text(3))});
  }
  sqlite::Statement held(database_, "SELECT id, line, at, until, record FROM held ORDER BY id");
  while (held.step()) {
    Record record = *record_of(held.text(4), held.count(1));
    record.not_before = std::chrono::system_clock::time_point(std::chrono::milliseconds(held.number(3)));
    out.held.push_back({held.count(0), held.number(2), std::make_shared<const Record>(std::move(record))});
  }
  sqlite::Statement turns(
      database_,
      "SELECT line, max(until) FROM (SELECT line, until FROM turn UNION ALL SELECT line, turn "
      "FROM result NOT INDEXED WHERE sequence >= ? AND turn > 0) GROUP BY line");
  turns.bind(1, folded_);
  while (turns.step()) out.turns.emplace_back(turns.count(0), turns.number(1));
  sqlite::Statement counters(database_, "SELECT name, value FROM counter");
  while (counters.step()) out.counters.emplace_back(counters.text(0), counters.count(1));
  sqlite::Statement rows(
      database_,
      "SELECT first, last FROM (SELECT (SELECT min(sequence) FROM result) AS first, (SELECT "
      "max(sequence) FROM result) AS last) WHERE first IS NOT NULL");
  if (rows.step()) out.rows = Range{rows.count(0), rows.count(1) + 1};
  return out;
}

Committed JournalFile::apply(const Transaction& transaction) {
  const Sequence folded = folded_;
  statements_->begin.run();
  try {
    write(transaction);
    statements_->commit.run();
  } catch (const sqlite::Failure&) {
    sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    folded_ = folded;
    throw;
  }
  give_back_space();
  Committed out;
  out.octets = octets();
  index_lines(out.octets, transaction.limit);
  find_victims(transaction, out);
  return out;
}

// What the results say of turns goes to `turn` before they are deleted, many at a time: each by itself would
// write a page of its own.
void JournalFile::fold() {
  const auto end =
      static_cast<Sequence>(database_.number("SELECT coalesce(max(sequence), -1) + 1 FROM result"));
  if (end <= folded_) return;
  statements_->fold.bind(1, folded_).run();
  statements_->folded.bind(1, end).run();
  folded_ = end;
}

// A line's oldest result is looked for only when the file is full, and an index doubles the cost of each
// result: there is one while the file is near its limit. Making it takes some seconds, of this thread alone.
void JournalFile::index_lines(std::uint64_t octets, std::uint64_t limit) {
  try {
    if (octets < limit / 2) no_room_for_index_ = false;
    if (!indexed_ && !no_room_for_index_ && octets > limit / 4 * 3) {
      database_.run("CREATE INDEX result_line ON result (line, sequence)");
      indexed_ = true;
    } else if (indexed_ && octets < limit / 4) {
      database_.run("DROP INDEX result_line");
      indexed_ = false;
    }
  } catch (const sqlite::Failure& cause) {
    // There may be no room for it, and each attempt reads the whole file. The oldest results of all go
    // instead, those of lines that bring no new ones too.
    if (cause.corrupt()) throw;
    no_room_for_index_ = true;
  }
}

// It deletes results whose turns are known of them alone.
bool JournalFile::loses_turns(const Transaction& transaction) const {
  return std::ranges::any_of(transaction.settled,
                             [this](const Range& range) { return range.last > folded_; }) ||
         std::ranges::any_of(transaction.dropped, [this](Sequence one) { return one >= folded_; });
}

void JournalFile::write(const Transaction& transaction) {
  Statements& sql = *statements_;
  if (transaction.tidy || transaction.turns_anew || loses_turns(transaction)) fold();
  if (transaction.turns_anew) database_.run("DELETE FROM turn");
  for (const Range& range : transaction.settled) sql.settle.bind(1, range.first).bind(2, range.last).run();
  for (const Sequence one : transaction.dropped) sql.settle.bind(1, one).bind(2, one + 1).run();
  for (const StoredRow& row : transaction.rows) {
    const std::string octets = encode(*row.record);
    sql.insert.bind(1, row.sequence).bind(2, row.record->line).bind(3, row.at_ms);
    sql.insert.bind(4, row.record->items.size()).bind(5, row.record->turn ? turn_until(*row.record) : 0);
    sql.insert.bind_octets(6, octets).run();
    if (row.record->turn && row.sequence < folded_)  // the wall clock was set back: fold() passes over it
      sql.turn.bind(1, row.record->line).bind(2, turn_until(*row.record)).run();
  }
  for (const StoredRow& row : transaction.held) {
    const std::string octets = encode(*row.record);
    sql.hold.bind(1, row.sequence).bind(2, row.record->line).bind(3, row.at_ms);
    sql.hold.bind(4, milliseconds(row.record->not_before)).bind_octets(5, octets).run();
  }
  // After what comes: a record may come and go in one transaction.
  for (const std::uint64_t id : transaction.released) sql.release.bind(1, id).run();
  sql.forget_destinations.run();
  for (const StoredDestination& destination : transaction.destinations) {
    const std::string unsettled = destination.unsettled.text(most_unsettled),
                      drops = text_of(destination.drops);
    sql.destination.bind(1, destination.nodes).bind(2, unsettled);
    sql.destination.bind(3, destination.queued).bind(4, drops).run();
  }
  for (const auto& [line, clock] : transaction.turns) sql.turn.bind(1, line).bind(2, clock).run();
  for (const auto& [name, value] : transaction.counters) sql.counter.bind(1, name).bind(2, value).run();
}

std::uint64_t JournalFile::octets() {
  const auto number = [](sqlite::Statement& statement) {
    const std::uint64_t out = statement.step() ? statement.count(0) : 0;
    statement.reset();
    return out;
  };
  return (number(statements_->pages) - number(statements_->free_pages)) * number(statements_->page_size);
}

// What a long outage took of the disk is given back, a little with each transaction.
void JournalFile::give_back_space() {
  statements_->free_pages.step();
  const std::uint64_t free = statements_->free_pages.count(0);
  statements_->free_pages.reset();
  if (free > 1000) database_.run("PRAGMA incremental_vacuum(200)");
}

void JournalFile::find_victims(const Transaction& transaction, Committed& out) {
  Statements& sql = *statements_;
  std::unordered_set<Sequence> chosen;
  sql.oldest.bind(1, most_expired);
  while (sql.oldest.step()) {
    if (sql.oldest.number(2) >= transaction.expire_before_ms) {
      sql.oldest.reset();
      break;
    }
    out.victims.push_back({sql.oldest.count(0), sql.oldest.count(1), DropReason::too_old});
    chosen.insert(out.victims.back().sequence);
  }
  if (out.octets <= transaction.limit || transaction.rows.empty()) return;
  // As many rows go as came, each the oldest of a line that brought one; two for one while the file is far
  // beyond its limit, as after a smaller limit was set.
  const std::size_t each = out.octets > transaction.limit + transaction.limit / 8 ? 2 : 1;
  // Takes up to `wanted` rows of the statement, and says how many it did not find.
  const Sequence newest = transaction.rows.front().sequence;  // what has just come is not what goes
  const auto choose = [&](sqlite::Statement& statement, std::size_t wanted) {
    while (wanted > 0 && statement.step()) {
      if (statement.count(0) >= newest || !chosen.insert(statement.count(0)).second) continue;
      out.victims.push_back({statement.count(0), statement.count(1), DropReason::disk_full});
      --wanted;
    }
    statement.reset();
    return wanted;
  };
  std::unordered_map<LineKey, std::size_t> of_line;
  for (const StoredRow& row : transaction.rows) of_line[row.record->line] += each;
  std::size_t missing = 0;
  for (const auto& [line, wanted] : of_line) {
    if (!indexed_) missing += wanted;
    if (!indexed_) continue;
    sql.oldest_of_line.bind(1, line).bind(2, 2 * wanted);  // half of them may be too old anyway
    missing += choose(sql.oldest_of_line, wanted);
  }
  if (missing == 0) return;
  sql.oldest.bind(1, chosen.size() + missing);
  choose(sql.oldest, missing);
}

std::vector<StoredRow> JournalFile::read(const ReadRequest& request) {
  std::vector<StoredRow> out;
  std::uint64_t values = 0;
  sqlite::Statement& rows = request.newest_first ? statements_->down : statements_->up;
  const auto take = [&](const Range& range) {
    rows.bind(1, range.first).bind(2, range.last);
    while (values < request.max_values) {
      if (!rows.step()) return true;
      values += rows.count(3);
      out.push_back({rows.count(0), rows.number(2), record_of(rows.text(4), rows.count(1))});
    }
    rows.reset();
    return false;
  };
  if (request.newest_first) {
    for (auto range = request.ranges.rbegin(); range != request.ranges.rend() && take(*range); ++range) {
    }
  } else {
    for (auto range = request.ranges.begin(); range != request.ranges.end() && take(*range); ++range) {
    }
  }
  return out;
}

}  // namespace linewatch::aggregator
