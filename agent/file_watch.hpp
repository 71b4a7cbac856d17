#pragma once
// Tells when one of some files may have changed: edited in place, replaced by a rename, removed, come back,
// or reached by another symbolic link; or when something in some folders has. By inotify on the folders that
// lead there, since editors replace files. Nothing is read: who is told looks for itself. Lives on its loop.

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "connection/context.hpp"

namespace linewatch::agent {

class FileWatch {
 public:
  using Changed = std::function<void()>;

  // `changed` is called on the loop once events have been quiet for a moment (an editor writes in several
  // steps), at the latest 2 s after the first. Never after stop().
  FileWatch(boost::asio::any_io_executor loop, Changed changed, std::shared_ptr<spdlog::logger> log);
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // From now on these, absolute or relative to the working folder, instead of those before. Anything in a
  // path that ends in '/' counts. True: something is watched that was not, so that a change shortly before
  // may have been missed.
  bool watch(const std::vector<std::filesystem::path>& paths);
  void stop();

 private:
  // By folder, the names in it that matter; the empty name: all of them.
  using Names = std::map<std::filesystem::path, std::set<std::string>>;

  static void add(const std::filesystem::path& path, Names& names, int hops);
  void read_events();
  void take(const char* events, std::size_t size);
  bool matters(int folder, const std::string& name) const;
  void quiet_down();

  std::shared_ptr<spdlog::logger> log_;
  Changed changed_;
  boost::asio::posix::stream_descriptor events_;
  boost::asio::steady_timer quiet_;
  std::map<int, std::set<std::string>> folders_;  // by inotify's number
  std::vector<char> buffer_;
  std::optional<connection::TimePoint> first_event_;
  bool refused_ = false;  // a folder could not be watched, and that was said
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace linewatch::agent
