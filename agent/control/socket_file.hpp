#pragma once
// The control socket's file: who may open it, what to do with one that is there already, and its removal.
// Owned by the control server.

#include <sys/types.h>
#include <expected>
#include <filesystem>
#include <string>

namespace linewatch::agent {

class SocketFile {
 public:
  // A listening Unix stream socket at `path`, mode 0660, non-blocking. A missing directory is made (0755);
  // the socket that a dead agent left is replaced, one that answers and any other file are not. The error is
  // a sentence that says why not.
  static std::expected<SocketFile, std::string> listen(const std::filesystem::path& path);

  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();  // removes the file and closes the socket

  int release();  // the descriptor, to be closed by the caller from now on, after remove()
  // Removes the file, if it is still the one that was made here; harmless when repeated. To be called while
  // the socket is open: once it is closed, another may have the same inode.
  void remove();
  const std::filesystem::path& path() const { return path_; }

 private:
  SocketFile(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::filesystem::path path_;  // empty: moved from
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace linewatch::agent
