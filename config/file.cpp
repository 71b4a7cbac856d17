#include "config/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace linewatch::config {

namespace {

struct Descriptor {
  int fd;
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string reason(int error) {
  return std::strerror(error);
}  // NOLINT(concurrency-mt-unsafe)

thread_local SourceNotes* notes = nullptr;

}  // namespace

SourceNotes::SourceNotes() {
  notes = this;
}

SourceNotes::~SourceNotes() {
  notes = nullptr;
}

Sources SourceNotes::sources() const {
  return {.files = {files_.begin(), files_.end()}, .folders = {folders_.begin(), folders_.end()}};
}

void note_file(const std::filesystem::path& path) {
  if (notes) notes->files_.insert(path);
}

void note_folder(const std::filesystem::path& path) {
  if (notes) notes->folders_.insert(path);
}

std::expected<FileText, std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  note_file(path);
  // Without O_NONBLOCK the open of a pipe that nobody writes to would hang.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.fd < 0) return std::unexpected(reason(errno));
  struct stat status{};
  if (::fstat(file.fd, &status) != 0) return std::unexpected(reason(errno));
  if (S_ISDIR(status.st_mode)) return std::unexpected(reason(EISDIR));
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) return std::unexpected("not a regular file");
  FileText out{.mode = static_cast<unsigned>(status.st_mode & 07777U)};
  if (status.st_size > 0) out.text.reserve(std::min(limit, static_cast<std::size_t>(status.st_size)) + 1);
  char buffer[64 * 1024];
  while (true) {
    pollfd ready{file.fd, POLLIN, 0};
    if (S_ISFIFO(status.st_mode) && ::poll(&ready, 1, 10'000) == 0) {
      return std::unexpected("a pipe into which nothing was written for 10s");
    }
    const ssize_t got = ::read(file.fd, buffer, sizeof buffer);
    if (got == 0) return out;
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return std::unexpected(reason(errno));
    }
    out.text.append(buffer, static_cast<std::size_t>(got));
    if (out.text.size() > limit) return std::unexpected(fmt::format("larger than {} octets", limit));
  }
}

std::filesystem::path beside(const std::filesystem::path& file, const std::filesystem::path& path) {
  return path.is_absolute() ? path : file.parent_path() / path;
}

}  // namespace linewatch::config
