#pragma once
// One agent per state directory: two with the same plan would measure every line twice and share no session
// limit. Held for the life of the process; the kernel lets go of it however the process ends.

#include <expected>
#include <filesystem>
#include <string>

namespace linewatch::agent {

class StateLock {
 public:
  // Makes the directory (mode 0750) if it is missing. The error says who holds it, or why it cannot be used.
  static std::expected<StateLock, std::string> take(const std::filesystem::path& state_dir);
  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&&) = delete;
  ~StateLock();

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace linewatch::agent
