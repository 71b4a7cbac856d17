#pragma once
// A small file that is written anew as a whole, on a thread of its own: the disk may take its time, the loop
// may not. What is given while a write is under way replaces what waits; the thread begins at once, so little
// is lost even if the process is killed. Used by one owner, on its loop.

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <spdlog/logger.h>

#include "connection/error.hpp"

namespace linewatch::connection {

// Whole or not at all, for this user's eyes only, and on the disk when it returns.
Result<void> write_whole(const std::filesystem::path& file, std::string_view text);

class LockoutFile {
 public:
  explicit LockoutFile(std::filesystem::path file) : file_(std::move(file)) {}
  ~LockoutFile();  // writes what waits
  LockoutFile(const LockoutFile&) = delete;
  LockoutFile& operator=(const LockoutFile&) = delete;

  // A failure is logged once, until one succeeds.
  void write(std::string text, std::shared_ptr<spdlog::logger> log);

 private:
  void run();
  void tell(const Result<void>& written, spdlog::logger* log);

  const std::filesystem::path file_;
  std::mutex mutex_;  // over what follows
  std::condition_variable given_;
  std::optional<std::string> waiting_;
  std::shared_ptr<spdlog::logger> log_;
  bool ending_ = false;
  bool failing_ = false;  // the thread's own
  std::thread thread_;
};

}  // namespace linewatch::connection
