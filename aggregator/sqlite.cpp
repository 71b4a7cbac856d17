#include "aggregator/sqlite.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace linewatch::aggregator::sqlite {

namespace {

// SQLite makes its files with 0644; the values are nobody else's business.
void make_private(const std::filesystem::path& file) {
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw Failure(SQLITE_CANTOPEN, std::generic_category().message(errno));
  close(fd);
}

}  // namespace

Database::Database(const std::filesystem::path& file) {
  make_private(file);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) throw Failure(code, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
  sqlite3_extended_result_codes(handle, 1);
}

void Database::fail(int code) const {
  const int system = sqlite3_system_errno(handle_.get());
  std::string text = sqlite3_errmsg(handle_.get());
  if (system != 0) text += " (" + std::generic_category().message(system) + ")";
  throw Failure(code, text);
}

bool Database::moved() const {
  int moved = 0;
  sqlite3_file_control(handle_.get(), nullptr, SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

void Database::run(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t Database::number(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.number(0) : 0;
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) database.fail(code);
}

Statement& Statement::bind(int index, std::int64_t number) {
  sqlite3_bind_int64(handle_.get(), index, number);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text(handle_.get(), index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_octets(int index, std::string_view octets) {
  sqlite3_bind_blob(handle_.get(), index, octets.data(), static_cast<int>(octets.size()), SQLITE_STATIC);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(handle_.get());
  if (code != SQLITE_DONE) database_.fail(code);
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
}

std::string_view Statement::text(int column) {
  const auto* octets = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  if (!octets) return {};
  return {octets, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

}  // namespace linewatch::aggregator::sqlite
