#include "agent/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <cstring>
#include <system_error>
#include <utility>

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Clock;

namespace {

constexpr auto quiet_for = std::chrono::milliseconds(200);
constexpr auto at_the_latest = std::chrono::seconds(2);
constexpr std::uint32_t kinds = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                                IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

FileWatch::FileWatch(asio::any_io_executor loop, Changed changed, std::shared_ptr<spdlog::logger> log)
    : log_(std::move(log)), changed_(std::move(changed)), events_(loop), quiet_(loop), buffer_(64UL * 1024) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    log_->warn("edits of the configuration are not noticed (say linewatch reload): {}",
               std::generic_category().message(errno));
    return;
  }
  events_.assign(fd);
  read_events();
}

FileWatch::~FileWatch() {
  stop();
}

void FileWatch::stop() {
  *alive_ = false;
  quiet_.cancel();
  boost::system::error_code ignored;
  events_.close(ignored);
}

// Every folder on the way counts, since any of them may be moved or be a symbolic link that is set elsewhere.
void FileWatch::add(const std::filesystem::path& path, Names& names, int hops) {
  constexpr int most_hops = 40;  // of links, as the kernel follows
  std::filesystem::path at;
  for (auto part = path.begin(); part != path.end(); ++part) {
    if (at.empty()) {
      at = *part;
      continue;
    }
    const std::string name = part->string();
    if (name != ".") names[at].insert(name);  // the empty name: the path ends in '/'
    if (name.empty()) continue;
    const std::filesystem::path next = at / *part;
    std::error_code error;
    const auto link = std::filesystem::read_symlink(next, error);
    if (!error && hops < most_hops) {
      std::filesystem::path target = link.is_absolute() ? link : at / link;
      for (++part; part != path.end(); ++part) target /= *part;
      return add(target, names, hops + 1);
    }
    at = next;
  }
}

bool FileWatch::watch(const std::vector<std::filesystem::path>& paths) {
  if (!events_.is_open()) return false;
  Names names;
  for (const auto& path : paths) {
    std::error_code no_folder;  // to be relative to: then the path as it is
    const auto whole = std::filesystem::absolute(path, no_folder);
    add(no_folder ? path : whole, names, 0);
  }
  std::map<int, std::set<std::string>> folders;
  bool more = false;
  for (auto& [folder, wanted] : names) {
    const int number = ::inotify_add_watch(events_.native_handle(), folder.c_str(), kinds | IN_ONLYDIR);
    if (number < 0) {
      const bool missing = errno == ENOENT || errno == ENOTDIR;  // its own folder tells when it comes
      if (!missing && !std::exchange(refused_, true)) {
        log_->warn("edits in {} are not noticed (say linewatch reload): {}", folder.string(),
                   std::generic_category().message(errno));
      }
      continue;
    }
    more = more || !folders_.contains(number);
    folders[number].merge(wanted);
  }
  for (const auto& [number, wanted] : folders_) {
    if (!folders.contains(number)) ::inotify_rm_watch(events_.native_handle(), number);
  }
  folders_ = std::move(folders);
  return more;
}

void FileWatch::read_events() {
  events_.async_read_some(asio::buffer(buffer_),
                          [this, alive = alive_](boost::system::error_code error, std::size_t size) {
                            if (!*alive || error) return;
                            take(buffer_.data(), size);
                            read_events();
                          });
}

void FileWatch::take(const char* events, std::size_t size) {
  bool any = false;
  for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
    inotify_event event;
    std::memcpy(&event, events + at, sizeof event);
    const std::string name = event.len > 0 ? std::string(events + at + sizeof event) : std::string();
    at += sizeof event + event.len;
    any = any || (event.mask & IN_Q_OVERFLOW) != 0 || matters(event.wd, name);
  }
  if (any) quiet_down();
}

// Without a name it is the folder itself.
bool FileWatch::matters(int folder, const std::string& name) const {
  const auto found = folders_.find(folder);
  if (found == folders_.end()) return false;
  return name.empty() || found->second.contains(name) || found->second.contains("");
}

void FileWatch::quiet_down() {
  const auto now = Clock::now();
  if (!first_event_) first_event_ = now;
  quiet_.expires_at(std::min(now + quiet_for, *first_event_ + at_the_latest));
  quiet_.async_wait([this, alive = alive_](boost::system::error_code error) {
    if (!*alive || error) return;
    first_event_.reset();
    changed_();
  });
}

}  // namespace linewatch::agent
