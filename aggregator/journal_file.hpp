#pragma once
// The buffer's file itself: its schema and what is done with it. Blocks; used by the journal's thread alone.
// Failures are sqlite::Failure.

#include <filesystem>
#include <memory>
#include <vector>

#include "aggregator/journal.hpp"
#include "aggregator/sqlite.hpp"

namespace linewatch::aggregator {

class JournalFile {
 public:
  static constexpr int schema = 1;  // PRAGMA user_version

  JournalFile(const std::filesystem::path& file, config::BufferSettings::Synchronous synchronous);
  ~JournalFile();

  JournalState state();
  Committed apply(const Transaction& transaction);
  std::vector<StoredRow> read(const ReadRequest& request);

 private:
  struct Statements;
  void make_schema();
  void write(const Transaction& transaction);
  void find_victims(const Transaction& transaction, Committed& out);
  void give_back_space();
  std::uint64_t octets();

  sqlite::Database database_;
  std::unique_ptr<Statements> statements_;
};

}  // namespace linewatch::aggregator
