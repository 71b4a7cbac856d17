#pragma once
// The lines that Zabbix was told of, on which host and since when: kept in state_dir, so that a restart holds
// nothing back that Zabbix has items for.

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <spdlog/logger.h>

#include "agent/background.hpp"

namespace linewatch::agent {

struct KnownLine {
  std::string host;
  std::int64_t since = 0;  // Unix seconds
  bool operator==(const KnownLine&) const = default;
};
using KnownLines = std::unordered_map<std::string, KnownLine>;  // by the line's id

// A line of text each, below one that names the format.
std::string text_of(const KnownLines& lines);
std::optional<KnownLines> known_lines_of(std::string_view text);  // nothing: it is damaged

std::filesystem::path known_lines_file(const std::filesystem::path& state_dir);
// A file that cannot be read is set aside, and that is said; then, as without one, nothing is known. Waits
// for the disk.
KnownLines load_known_lines(const std::filesystem::path& state_dir, spdlog::logger& log);

// Keeps the file as the set is, written anew as a whole in the background. What changes while one is written
// goes into the next. Owned by who owns the set, on its loop; destroyed once the loop has ended.
class KnownLinesFile {
 public:
  KnownLinesFile(boost::asio::any_io_executor loop, const Background& background,
                 const std::filesystem::path& state_dir, std::shared_ptr<spdlog::logger> log);

  void begin_with(KnownLines lines);                          // what the file holds; before all else
  void note(std::string line, std::optional<KnownLine> now);  // nothing: it is forgotten
  void save();    // what was noted, soon; a failure is logged once, until one succeeds
  void finish();  // the last time: what was noted is on its way

 private:
  struct Writer;                                                              // in the background only
  using Changes = std::unordered_map<std::string, std::optional<KnownLine>>;  // by the line's id
  void write(Changes changes);

  boost::asio::any_io_executor loop_;
  std::shared_ptr<Background::Queue> background_;
  std::shared_ptr<Writer> writer_;
  Changes noted_;
  bool writing_ = false;
};

}  // namespace linewatch::agent
