#include "agent/control/server.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/null_sink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <fstream>

#include "agent/control/address.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

struct Folder {
  Folder() {
    char name[] = "/tmp/linewatch-test-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// A client that blocks nothing: the test runs the loop until it has what it waits for.
struct Client {
  explicit Client(const std::filesystem::path& path) : fd(unix_socket()) {
    error = connect_unix(fd, *unix_address(path));
  }
  ~Client() { hang_up(); }
  void hang_up() {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  void say(const std::string& text) { CHECK(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) > 0); }
  // Takes what has come; false once the server has hung up.
  bool read() {
    char piece[4096];
    for (;;) {
      const auto got = ::recv(fd, piece, sizeof piece, 0);
      if (got > 0) heard.append(piece, static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
      if (got < 0) return true;
    }
  }
  int fd, error;
  std::string heard;
};

struct Bench {
  explicit Bench(ControlLimits limits = {}) {
    auto file = SocketFile::listen(folder.path / "deep" / "control.sock");
    REQUIRE(file);
    path = file->path();
    server.emplace(
        loop.get_executor(), std::move(*file),
        [this](ControlClientLink& link, const Json& request) { return answer(*this, link, request); }, log,
        limits);
    server->start();
  }
  ~Bench() {
    bool stopped = false;
    deaf.cancel();
    asio::co_spawn(loop, server->stop(connection::Context().within(60s)),
                   [&](std::exception_ptr) { stopped = true; });
    while (!stopped) loop.run_one();
    CHECK(running == 0);
  }

  // "wait" answers once and then waits for the client's end; "flood" sends until that; "deaf" waits for
  // `deaf`.
  static connection::Awaitable<void> answer(Bench& bench, ControlClientLink& link, const Json& request) {
    ++bench.running;
    Json echo;
    echo["you"] = request;
    const std::string what = request.value("command", "");
    bool taken = co_await link.send(std::move(echo));
    asio::steady_timer step(bench.loop);
    while (taken && what == "flood") {
      Json much;
      much["much"] = std::string(100000, 'x');
      taken = co_await link.send(std::move(much));
    }
    while (what == "wait" && !link.gone().stop_requested()) {
      step.expires_after(1ms);
      boost::system::error_code ignored;
      co_await step.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    boost::system::error_code ignored;
    if (what == "deaf") co_await bench.deaf.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    --bench.running;
  }

  void run_until(const std::function<bool()>& condition) {
    while (!condition()) loop.run_one_for(5ms);
  }
  // All that one request is answered, up to the server's end of it.
  std::string ask(const std::string& text) {
    Client client(path);
    REQUIRE(client.error == 0);
    client.say(text);
    run_until([&] { return !client.read(); });
    return client.heard;
  }

  asio::io_context loop{1};
  Folder folder;
  std::filesystem::path path;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  std::optional<ControlServer> server;
  asio::steady_timer deaf{loop, connection::TimePoint::max()};
  int running = 0;
};

}  // namespace

TEST_CASE("a request of one line is answered in lines, and the connection ends") {
  Bench bench;
  CHECK(bench.ask("{\"command\":\"x\"}\n") == "{\"you\":{\"command\":\"x\"}}\n");
  CHECK(bench.ask("{\"command\":\"x\"}\nmore that nobody reads\n") == "{\"you\":{\"command\":\"x\"}}\n");
}

TEST_CASE("what is no JSON object, or too long, is refused with a sentence") {
  Bench bench({.request_size = 1000});
  for (const std::string& text : {std::string("hello\n"), std::string("[1]\n"), std::string("\n")})
    CHECK(Json::parse(bench.ask(text))["code"] == "bad_request");
  const Json refused = Json::parse(bench.ask(std::string(2000, 'x')));
  CHECK(refused["error"] == "the request is longer than 1000 octets");
}

TEST_CASE("a client that says nothing is cut off, one that takes nothing, too") {
  Bench bench({.patience = 50ms});
  Client silent(bench.path);
  bench.run_until([&] { return !silent.read(); });
  CHECK(silent.heard.empty());
  Client deaf(bench.path);
  deaf.say("{\"command\":\"flood\"}\n");
  bench.run_until([&] { return bench.running == 1; });
  bench.run_until([&] { return bench.running == 0; });
}

TEST_CASE("a client that hangs up ends what was done for it") {
  Bench bench({.patience = 50ms});
  Client client(bench.path);
  client.say("{\"command\":\"wait\"}\n");
  bench.run_until([&] { return client.read() && !client.heard.empty(); });
  // The patience counts for words only: who waits for an answer may wait for long.
  const auto later = connection::Clock::now() + 100ms;
  bench.run_until([&] { return connection::Clock::now() > later; });
  CHECK(bench.running == 1);
  client.hang_up();
  bench.run_until([&] { return bench.running == 0; });
}

TEST_CASE("no more clients than the limit are served at once") {
  Bench bench({.clients = 1});
  Client first(bench.path);
  first.say("{\"command\":\"wait\"}\n");
  bench.run_until([&] { return bench.running == 1; });
  Client second(bench.path);
  bench.run_until([&] { return !second.read(); });
  CHECK(Json::parse(second.heard)["code"] == "busy");
  first.hang_up();
  bench.run_until([&] { return bench.running == 0; });
  CHECK(bench.ask("{\"command\":\"x\"}\n").starts_with("{\"you\""));
}

TEST_CASE("a stop sends the clients away and waits for what is done for them") {
  auto bench = std::make_unique<Bench>();
  const auto path = bench->path;
  Client silent(path), waiting(path);
  waiting.say("{\"command\":\"wait\"}\n");
  bench->run_until([&] { return bench->running == 1; });
  bench.reset();
  CHECK_FALSE(silent.read());
  CHECK_FALSE(waiting.read());
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a stop does not wait for a request that does not end") {
  Bench bench;
  Client client(bench.path);
  client.say("{\"command\":\"deaf\"}\n");
  bench.run_until([&] { return bench.running == 1; });
  bool stopped = false;
  asio::co_spawn(bench.loop, bench.server->stop(connection::Context().within(50ms)),
                 [&](std::exception_ptr) { stopped = true; });
  bench.run_until([&] { return stopped; });
  CHECK(bench.running == 1);
}

TEST_CASE("the socket is for its owner and group; a dead agent's is replaced, nothing else is") {
  const Folder folder;
  const auto path = folder.path / "new" / "control.sock";
  std::optional<SocketFile> file;
  {
    auto made = SocketFile::listen(path);
    REQUIRE(made);
    file.emplace(std::move(*made));
  }
  struct stat there{};
  REQUIRE(::stat(path.c_str(), &there) == 0);
  CHECK((there.st_mode & 07777) == 0660);

  const auto live = SocketFile::listen(path);
  REQUIRE_FALSE(live);
  CHECK(live.error().find("another agent answers there") != std::string::npos);

  std::filesystem::remove(path);  // by a cleaner of old files, say
  auto again = SocketFile::listen(path);
  REQUIRE(again);
  file.reset();  // does not take away what is not its own
  CHECK(Client(path).error == 0);

  ::close(again->release());  // as the kernel does for a process that was killed
  CHECK(Client(path).error == ECONNREFUSED);
  const auto instead_of_dead = SocketFile::listen(path);
  REQUIRE(instead_of_dead);
  CHECK(Client(path).error == 0);

  std::ofstream(folder.path / "file") << "kept";
  const auto in_the_way = SocketFile::listen(folder.path / "file");
  REQUIRE_FALSE(in_the_way);
  CHECK(in_the_way.error().find("no socket") != std::string::npos);
  CHECK(std::filesystem::exists(folder.path / "file"));
  CHECK_FALSE(SocketFile::listen(folder.path / "file" / "control.sock"));
  CHECK_FALSE(SocketFile::listen(folder.path / std::string(120, 'x')));
}
