#include "agent/file_watch.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <fstream>

using namespace linewatch::agent;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// A folder of its own and a watch. The limit is only there to fail instead of hanging.
struct World {
  World() {
    std::string name = (fs::temp_directory_path() / "linewatch-watch-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~World() { fs::remove_all(folder); }

  void write(const std::string& name, const std::string& text = "text") const {
    std::ofstream(folder / name) << text;
  }
  bool told() {
    const int before = calls;
    const auto limit = std::chrono::steady_clock::now() + 30s;
    loop.restart();
    while (calls == before && std::chrono::steady_clock::now() < limit) loop.run_one_for(1s);
    return calls > before;
  }

  fs::path folder;
  boost::asio::io_context loop{1};
  int calls = 0;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_st>());
  FileWatch watch{loop.get_executor(), [this] { ++calls; }, log};
};

}  // namespace

TEST_CASE_FIXTURE(World, "an edit in place, a file moved over it, its end and its return are told") {
  write("a.yml");
  CHECK(watch.watch({folder / "a.yml"}));
  write("a.yml", "other");
  CHECK(told());
  write("b");
  fs::rename(folder / "b", folder / "a.yml");
  CHECK(told());
  fs::remove(folder / "a.yml");
  CHECK(told());
  write("a.yml");
  CHECK(told());
  fs::permissions(folder / "a.yml", fs::perms::owner_all);
  CHECK(told());
}

TEST_CASE_FIXTURE(World, "a symbolic link on the way that is set elsewhere is told") {
  fs::create_directories(folder / "one");
  fs::create_directories(folder / "two");
  write("one/a.yml");
  write("two/a.yml");
  fs::create_directory_symlink("one", folder / "now");
  fs::create_symlink("now/a.yml", folder / "a.yml");
  watch.watch({folder / "a.yml"});
  fs::create_directory_symlink("two", folder / "next");
  fs::rename(folder / "next", folder / "now");
  CHECK(told());
  watch.watch({folder / "a.yml"});
  write("two/a.yml", "other");
  CHECK(told());
}

TEST_CASE_FIXTURE(World, "a file that comes and goes in a folder is told, and a folder that comes later") {
  const fs::path drop_ins = folder / "conf.d" / "";
  watch.watch({drop_ins});
  fs::create_directory(folder / "conf.d");
  CHECK(told());
  CHECK(watch.watch({drop_ins}));
  write("conf.d/new.yml");
  CHECK(told());
  fs::remove(folder / "conf.d/new.yml");
  CHECK(told());
  fs::rename(folder / "conf.d", folder / "other");
  CHECK(told());
}

TEST_CASE_FIXTURE(World, "several edits in a row are told once, and what nobody asked for is not") {
  write("a.yml");
  write("b.yml");
  watch.watch({folder / "a.yml"});
  write("b.yml", "not asked for");
  loop.restart();
  while (loop.poll_one() > 0) continue;  // its event is there already
  loop.run_for(300ms);                   // and would be told by now
  CHECK(calls == 0);
  for (int i = 0; i < 20; ++i) write("a.yml", std::to_string(i));
  CHECK(told());
  CHECK(calls == 1);
  CHECK_FALSE(watch.watch({folder / "a.yml"}));  // nothing new
}

TEST_CASE_FIXTURE(World, "a circle of links ends") {
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  watch.watch({folder / "a" / "c.yml"});
  fs::remove(folder / "a");
  CHECK(told());
}

TEST_CASE_FIXTURE(World, "nothing is told after the stop") {
  write("a.yml");
  watch.watch({folder / "a.yml"});
  write("a.yml", "other");
  watch.stop();
  loop.run();
  CHECK(calls == 0);
}
