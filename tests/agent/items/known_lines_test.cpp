#include "agent/items/known_lines.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/io_context.hpp>
#include <sstream>

#include "config/file.hpp"
#include "tests/config/loading.hpp"

using namespace linewatch;
using namespace linewatch::agent;

namespace {

struct World {
  tests::Folder folder;
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  KnownLines load() { return load_known_lines(folder.path(), *log); }
};

const KnownLines two{{"L-1", {"edge 1", 1'700'000'000}}, {"L-2", {"edge-2", 7}}};

}  // namespace

TEST_CASE("known lines are read back as they were written") {
  CHECK(known_lines_of(text_of(two)) == two);
  CHECK(known_lines_of(text_of({})) == KnownLines());
}

TEST_CASE("a damaged text is no text") {
  const std::string good = text_of({{"L-1", {"h", 7}}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const bool whole_line = size == good.size() - std::string("7 L-1 h\n").size();
    CHECK(known_lines_of(good.substr(0, size)).has_value() == whole_line);
  }
  for (const char* line : {"x L-1 h\n", "-7 L-1 h\n", "7x L-1 h\n", "7  h\n", "7 L-1 \n", "\n"})
    CHECK_FALSE(known_lines_of(text_of({}) + line));
}

TEST_CASE("what is noted is on the disk once the background is done, for this user only") {
  World world;
  boost::asio::io_context loop;
  {
    const Background background;
    KnownLinesFile file(loop.get_executor(), background, world.folder.path(), world.log);
    file.begin_with(two);
    file.note("L-3", KnownLine{"edge-3", 9});
    file.save();
    file.note("L-1", std::nullopt);  // while it is written, or later
    file.note("L-4", KnownLine{"edge-3", 9});
    file.note("L-4", std::nullopt);
    file.finish();
  }
  CHECK(world.load() == KnownLines{{"L-2", {"edge-2", 7}}, {"L-3", {"edge-3", 9}}});
  CHECK(config::read_file(known_lines_file(world.folder.path()), 1000)->mode == 0600);
  CHECK(world.out.str().empty());
}

TEST_CASE("changes while a file is written are written after it") {
  World world;
  boost::asio::io_context loop;
  auto background = std::make_unique<const Background>();
  KnownLinesFile file(loop.get_executor(), *background, world.folder.path(), world.log);
  const auto work = boost::asio::make_work_guard(loop);
  file.note("L-1", KnownLine{"h", 1});
  file.save();
  file.note("L-2", KnownLine{"h", 2});
  file.save();
  loop.run_one();  // the first was written, and the second is on its way
  background.reset();
  CHECK(world.load().size() == 2);
}

TEST_CASE("a damaged file is set aside and named, and nothing is known then") {
  World world;
  world.folder.write("discovered-lines", "what is this\n");
  CHECK(world.load().empty());
  CHECK(world.out.str().find("discovered-lines.damaged") != std::string::npos);
  CHECK(config::read_file(world.folder.path() / "discovered-lines.damaged", 1000)->text == "what is this\n");
  CHECK_FALSE(std::filesystem::exists(known_lines_file(world.folder.path())));
}

TEST_CASE("a disk that takes nothing is said once") {
  World world;
  boost::asio::io_context loop;
  {
    const Background background;
    KnownLinesFile file(loop.get_executor(), background, world.folder.path() / "missing", world.log);
    for (const char* line : {"L-1", "L-2"}) {
      file.note(line, KnownLine{"h", 1});
      file.finish();
    }
  }
  const std::string said = world.out.str();
  CHECK(said.find("a restart will hold back") != std::string::npos);
  CHECK(said.find("a restart will hold back") == said.rfind("a restart will hold back"));
}
