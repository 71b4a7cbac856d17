#pragma once
// The buffer's file itself: its schema and what is done with it. Blocks; used by the journal's thread, once
// it runs. Failures are sqlite::Failure.

#include <filesystem>
#include <memory>
#include <vector>

#include "aggregator/journal.hpp"
#include "aggregator/sqlite.hpp"

namespace linewatch::aggregator {

class JournalFile {
 public:
  static constexpr int schema = 2;  // PRAGMA user_version

  JournalFile(const std::filesystem::path& file, config::BufferSettings::Synchronous synchronous);
  ~JournalFile();

  bool moved() const { return database_.moved(); }
  JournalState state();
  Committed apply(const Transaction& transaction);
  std::vector<StoredRow> read(const ReadRequest& request);

 private:
  struct Statements;
  void make_schema();
  void write(const Transaction& transaction);
  bool loses_turns(const Transaction& transaction) const;
  void fold();
  void index_lines(std::uint64_t octets, std::uint64_t limit);
  void find_victims(const Transaction& transaction, Committed& out);
  void give_back_space();
  std::uint64_t octets();

  sqlite::Database database_;
  std::unique_ptr<Statements> statements_;
  Sequence folded_ = 0;   // what results from there on say of turns is in no row of `turn`
  bool indexed_ = false;  // results by line
  bool no_room_for_index_ = false;
};

}  // namespace linewatch::aggregator
