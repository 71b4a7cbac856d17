#include "connection/pool/lockout_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace linewatch::connection {

namespace {

std::unexpected<Error> cannot_write(const std::filesystem::path& file, int cause) {
  return fail(ErrorCode::internal, Phase::authentication,
              fmt::format("{}: cannot be written: {}", file.string(), std::strerror(cause)));
}

}  // namespace

Result<void> write_whole(const std::filesystem::path& file, std::string_view text) {
  const std::filesystem::path beside = file.string() + ".new";
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return cannot_write(beside, errno);
  bool good = true;
  while (good && !text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    good = written > 0 || (written < 0 && errno == EINTR);
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  good = good && ::fsync(fd) == 0;
  const int cause = errno;
  ::close(fd);
  if (!good) return cannot_write(beside, cause);
  if (::rename(beside.c_str(), file.c_str()) != 0) return cannot_write(file, errno);
  return {};
}

LockoutFile::~LockoutFile() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  given_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LockoutFile::write(std::string text, std::shared_ptr<spdlog::logger> log) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_ = std::move(text);
    log_ = std::move(log);
  }
  given_.notify_one();
  if (thread_.joinable()) return;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {  // no thread is left on this machine: better late than not at all
    tell(write_whole(file_, *waiting_), log_.get());
  }
}

void LockoutFile::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    given_.wait(lock, [this] { return waiting_ || ending_; });
    if (!waiting_) return;
    const std::string text = *std::exchange(waiting_, std::nullopt);
    const auto log = log_;
    lock.unlock();
    tell(write_whole(file_, text), log.get());
    lock.lock();
  }
}

void LockoutFile::tell(const Result<void>& written, spdlog::logger* log) {
  if (!written && !failing_ && log != nullptr)
    log->warn("rejected credentials are not remembered over a restart: {}", written.error().text);
  failing_ = !written;
}

}  // namespace linewatch::connection
