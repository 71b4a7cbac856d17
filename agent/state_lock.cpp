#include "agent/state_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace linewatch::agent {

std::expected<StateLock, std::string> StateLock::take(const std::filesystem::path& state_dir) {
  const auto unusable = [&](int cause) {
    return std::unexpected(
        fmt::format("agent.state_dir {} cannot be used: {}", state_dir.string(), std::strerror(cause)));
  };
  std::error_code failure;
  std::filesystem::create_directories(state_dir.parent_path(), failure);
  if (::mkdir(state_dir.c_str(), 0750) != 0 && errno != EEXIST) return unusable(errno);
  const std::filesystem::path file = state_dir / "agent.lock";
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return unusable(errno);
  StateLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return unusable(errno);
  return std::unexpected(
      fmt::format("another agent runs with agent.state_dir {}; give each its own, or stop the other",
                  state_dir.string()));
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StateLock::~StateLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace linewatch::agent
