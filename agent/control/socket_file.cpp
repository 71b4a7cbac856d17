#include "agent/control/socket_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/control/address.hpp"

namespace linewatch::agent {

namespace {

constexpr mode_t mode = 0660;
constexpr int backlog = 16;

// Makes room for a new socket: nothing is there, or what a dead agent left. Otherwise what is in the way.
std::expected<void, std::string> clear_the_way(const std::filesystem::path& path,
                                               const sockaddr_un& address) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return std::unexpected(std::strerror(errno));
  }
  if (!S_ISSOCK(there.st_mode)) return std::unexpected("there is a file of that name that is no socket");
  const int probe = unix_socket();
  if (probe < 0) return std::unexpected(std::strerror(errno));
  const int answer = connect_unix(probe, address);
  ::close(probe);
  if (answer == 0 || answer == EAGAIN) return std::unexpected("another agent answers there");
  if (answer != ECONNREFUSED) return std::unexpected(std::strerror(answer));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return std::unexpected(std::strerror(errno));
  return {};
}

}  // namespace

std::expected<SocketFile, std::string> SocketFile::listen(const std::filesystem::path& path) {
  const auto unusable = [&](std::string_view why) {
    return std::unexpected(fmt::format("the control socket {} cannot be opened: {}", path.string(), why));
  };
  const auto address = unix_address(path);
  if (!address) return unusable("its path is longer than the 107 octets that a socket's may have");
  std::error_code failure;
  std::filesystem::create_directories(path.parent_path(), failure);  // what is wrong there, bind says
  if (const auto clear = clear_the_way(path, *address); !clear) return unusable(clear.error());

  SocketFile file(path, unix_socket());
  const auto* const name = reinterpret_cast<const sockaddr*>(&*address);
  struct stat made{};
  // The mode of the descriptor is an upper bound for the file's from its first moment; chmod makes it exact.
  if (file.fd_ < 0 || ::fchmod(file.fd_, mode) != 0 || ::bind(file.fd_, name, sizeof *address) != 0) {
    const int cause = errno;
    return unusable(std::strerror(cause));
  }
  if (::lstat(path.c_str(), &made) == 0) {
    file.device_ = made.st_dev;
    file.inode_ = made.st_ino;
  }
  if (::chmod(path.c_str(), mode) != 0 || ::listen(file.fd_, backlog) != 0) {
    const int cause = errno;
    return unusable(std::strerror(cause));
  }
  return file;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      fd_(std::exchange(other.fd_, -1)),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

SocketFile::~SocketFile() {
  remove();
  if (fd_ >= 0) ::close(fd_);
}

void SocketFile::remove() {
  struct stat there{};
  const ino_t own = std::exchange(inode_, 0);
  if (own != 0 && ::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == own)
    ::unlink(path_.c_str());
}

int SocketFile::release() {
  return std::exchange(fd_, -1);
}

}  // namespace linewatch::agent
