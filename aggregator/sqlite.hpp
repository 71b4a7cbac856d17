#pragma once
// SQLite with owners for its handles and errors as exceptions, which stay within the journal's thread.

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace linewatch::aggregator::sqlite {

class Failure : public std::runtime_error {
 public:
  Failure(int code, const std::string& text) : std::runtime_error(text), code_(code) {}
  // The file holds what SQLite cannot read: it must be set aside.
  bool corrupt() const { return (code_ & 0xFF) == SQLITE_CORRUPT || (code_ & 0xFF) == SQLITE_NOTADB; }

 private:
  int code_;
};

class Database {
 public:
  explicit Database(const std::filesystem::path& file);  // made if there is none, with mode 0600
  void run(const char* sql);                             // without an answer
  std::int64_t number(const char* sql);                  // the first column of the first row; 0 without one
  bool moved() const;  // the file was renamed, replaced or removed since it was opened
  sqlite3* handle() const { return handle_.get(); }
  [[noreturn]] void fail(int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

// A prepared statement. The database outlives it.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  Statement& bind(int index, std::int64_t number);
  Statement& bind(int index, std::uint64_t number) { return bind(index, static_cast<std::int64_t>(number)); }
  Statement& bind(int index, std::string_view text);           // must live until the step
  Statement& bind_octets(int index, std::string_view octets);  // likewise
  bool step();                                                 // true: a row; else it is done and reset
  void run();                                                  // to its end, rows thrown away
  void reset();
  std::int64_t number(int column) { return sqlite3_column_int64(handle_.get(), column); }
  std::uint64_t count(int column) { return static_cast<std::uint64_t>(number(column)); }
  std::string_view text(int column);  // until the next step

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }
  };
  Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace linewatch::aggregator::sqlite
