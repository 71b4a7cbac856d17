#pragma once
// A store with a loop of its own, in memory or on disk, and a destination or more that take from it.

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <sstream>

#include "aggregator/store.hpp"
#include "config/stable_hash.hpp"

namespace linewatch::aggregator::test {

using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace fs = std::filesystem;

inline const connection::TimePoint start = connection::Clock::now();

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "linewatch-buffer-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path file() const { return path_ / "buffer.sqlite"; }

 private:
  fs::path path_;
};

// Where the buffer is, and how long what was delivered may lie on the disk.
struct Place {
  Place(bool on_disk, connection::Clock::duration tidied = {}) : disk(on_disk), tidy(tidied) {}  // NOLINT
  operator bool() const { return disk; }                                                         // NOLINT
  bool disk;
  connection::Clock::duration tidy;
};

struct BufferBed {
  bool disk;
  Folder folder;
  config::BufferSettings limits;
  asio::io_context loop{1};
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
  connection::Clock::duration tidy;  // from the next begin() on
  std::shared_ptr<Store> store;

  explicit BufferBed(Place place, std::uint64_t memory = 1000) : disk(place.disk), tidy(place.tidy) {
    limits.memory = memory;
    begin();
  }
  void begin() {
    std::unique_ptr<Journal> journal;
    if (disk) journal = std::make_unique<Journal>(loop.get_executor(), folder.file(), limits.synchronous);
    const StoreTiming timing{.commit = 0ms, .retry = 1ms, .tidy = tidy};
    store = std::make_shared<Store>(loop.get_executor(), limits, std::move(journal), log, timing);
    store->open();
  }
  // As an agent does that is stopped and started.
  bool restart() {
    const bool kept = end();
    begin();
    return kept;
  }
  bool end() {
    bool ended = false;
    const connection::Context ctx = connection::Context().within(20s);
    asio::co_spawn(loop, store->close(ctx), [&](const std::exception_ptr& bug) {
      REQUIRE(!bug);
      ended = true;
    });
    wait_for([&] { return ended; });
    const bool kept = store->statistics().failure.empty();
    store.reset();
    return kept;
  }
  // As one does that is killed: what was committed is there.
  void kill() {
    store.reset();
    begin();
  }
  template <typename Predicate>
  void wait_for(Predicate holds) {
    for (int turns = 0; !holds() && turns < 20'000; ++turns) {
      loop.restart();
      loop.run_one_for(1ms);
    }
    if (!holds()) MESSAGE(out.str());
    REQUIRE(holds());
  }
  void settle() {
    wait_for([&] { return !store->writing(); });
  }
  void add(int id, std::size_t values = 1, const std::string& line = "L", connection::TimePoint at = start) {
    store->add(record(id, values, line), at);
    settle();
  }
  static Record record(int id, std::size_t values, const std::string& line) {
    Record out;
    out.host = "h" + line;
    out.line = config::stable_hash(line);
    out.clock = id;
    for (std::size_t i = 0; i < values; ++i) out.items.add("k" + std::to_string(i), i == 0 ? line : "v");
    return out;
  }
  // What there is to be taken, also when it has to be read first.
  Batch take(std::size_t destination, std::size_t values = 1'000'000) {
    Batch batch = store->take(destination, values);
    for (int turns = 0; batch.rows.empty() && store->oldest(destination) && turns < 20'000; ++turns) {
      loop.restart();
      loop.run_one_for(1ms);
      batch = store->take(destination, values);
    }
    return batch;
  }
  std::vector<int> deliver(std::size_t destination, std::size_t values = 1'000'000) {
    const Batch batch = take(destination, values);
    store->delivered(destination, batch.rows);
    settle();
    return ids(batch);
  }
  std::vector<int> deliver_all(std::size_t destination) {
    std::vector<int> all;
    for (std::vector<int> some = deliver(destination, 50); !some.empty(); some = deliver(destination, 50))
      all.insert(all.end(), some.begin(), some.end());
    return all;
  }
  static std::vector<int> ids(const Batch& batch) {
    std::vector<int> out;
    for (const Row& row : batch.rows) out.push_back(static_cast<int>(row.record->clock));
    return out;
  }
  std::uint64_t dropped(std::size_t destination, DropReason reason) const {
    return store->drops(destination)[static_cast<std::size_t>(reason)];
  }
  int said(const std::string& text) const {
    const std::string all = out.str();
    int count = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
  }
};

}  // namespace linewatch::aggregator::test
