#include "agent/reloader.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <sstream>

#include "tests/config/loading.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using connection::Awaitable;
using connection::Context;

namespace {

constexpr const char* head = R"(
zabbix: {servers: [127.0.0.1]}
include: [conf.d/*.yml]
credentials: {c: {username: u, password: secret-1}}
routers: [{name: r1, address: 192.0.2.1, platform: cisco_iosxe, credentials: c}]
lines:
)";

std::string with_lines(int count) {
  std::string text = head;
  for (int i = 0; i < count; ++i)
    text += "  - {id: L-" + std::to_string(i) + ", router: r1, target: 198.51.100.2}\n";
  return text;
}

// A reloader over a folder of its own. Coroutines take it by reference: it outlives the loop's work.
struct World {
  using Scenario = Awaitable<void> (*)(World&);

  tests::Folder folder;
  asio::io_context loop{1};
  Background background;
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out));
  std::vector<std::size_t> applied;  // the number of lines of each plan that was
  std::unique_ptr<Reloader> reloader;

  World() {
    folder.write("linewatch.yml", with_lines(1));
    config::Loader loader(folder.path() / "linewatch.yml");
    config::Loaded loaded = loader.load();
    REQUIRE(loaded.ok());
    Reloader::First first{folder.path() / "linewatch.yml",
                          std::move(loader),
                          make_plan(std::move(loaded.settings), background.queue()),
                          std::move(loaded.sources),
                          std::move(loaded.problems),
                          nullptr,
                          {}};
    reloader = std::make_unique<Reloader>(
        loop.get_executor(), background, std::move(first),
        [this](SharedPlan before, SharedPlan after, const PlanSteps& steps) {
          return apply(before, after, steps);
        },
        log);
  }

  Awaitable<void> apply(SharedPlan before, SharedPlan after, const PlanSteps& steps) {
    CHECK(before != after);
    CHECK_FALSE(steps.changes.empty());
    applied.push_back(after->lines());
    co_return;
  }

  Awaitable<Reloader::Outcome> ask(bool take) {
    const Context patience = Context().within(60s);
    const Reloader::Ticket ticket = reloader->ask(take);
    auto outcome = co_await reloader->outcome(patience, ticket);
    REQUIRE(outcome);
    co_return std::move(*outcome);
  }

  int said(const std::string& text) const {
    const std::string all = out.str();
    int count = 0;
    for (auto at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
    return count;
  }

  static Awaitable<void> whole(World& world, Scenario scenario) {
    co_await world.ask(true);  // the reading that every start brings
    co_await scenario(world);
    co_await world.reloader->stop();
  }
  void run(Scenario scenario) {
    reloader->start();
    bool ended = false;
    asio::co_spawn(loop, whole(*this, scenario), [&ended](const std::exception_ptr& failure) {
      ended = true;
      if (failure) std::rethrow_exception(failure);
    });
    loop.run_for(120s);
    REQUIRE(ended);
  }
};

Awaitable<void> edited_and_asked(World& world) {
  world.folder.write("linewatch.yml", with_lines(3));
  const Reloader::Outcome outcome = co_await world.ask(true);
  CHECK(config::summary(outcome.changes) == "2 lines added");
  CHECK(world.reloader->plan()->lines() == 3);
  CHECK(world.applied == std::vector<std::size_t>{3});
  const Reloader::Outcome again = co_await world.ask(true);
  CHECK(again.changes.empty());
  CHECK(world.applied.size() == 1);
}

Awaitable<void> only_looked_at(World& world) {
  world.folder.write("linewatch.yml", with_lines(2));
  const Reloader::Outcome outcome = co_await world.ask(false);
  CHECK(config::summary(outcome.changes) == "1 line added");
  CHECK(world.applied.empty());
  CHECK(world.reloader->plan()->lines() == 1);
}

Awaitable<void> broken_and_mended(World& world) {
  world.folder.write("linewatch.yml", with_lines(1) + "lines: 3\n");
  const Reloader::Outcome broken = co_await world.ask(true);
  REQUIRE_FALSE(broken.errors.empty());
  CHECK(world.reloader->plan()->lines() == 1);
  CHECK(world.reloader->state().failed);
  CHECK(world.reloader->state().problem == broken.errors.front().format());
  world.folder.write("linewatch.yml", with_lines(2));
  const Reloader::Outcome mended = co_await world.ask(true);
  CHECK(mended.errors.empty());
  CHECK_FALSE(world.reloader->state().failed);
  CHECK(world.reloader->state().problem.empty());
  CHECK(world.said("the configuration has no errors any more") == 1);
}

Awaitable<void> bad_host_keys(World& world) {
  world.folder.write("known_hosts", "no key\n");
  const Reloader::Outcome broken = co_await world.ask(true);
  REQUIRE(broken.errors.size() == 1);
  CHECK(broken.errors[0].path == "host_keys");
  CHECK(broken.errors[0].file.ends_with("linewatch.yml"));
}

Awaitable<void> after_restart(World& world) {
  world.folder.write("linewatch.yml", with_lines(1) + "agent: {threads: 2}\n");
  co_await world.ask(true);
  CHECK(world.reloader->state().after_restart == std::vector<std::string>{"agent.threads"});
  world.folder.write("linewatch.yml", with_lines(1));
  co_await world.ask(true);
  CHECK(world.reloader->state().after_restart.empty());
}

// Until the plan has so many lines; the limit is only there to fail instead of hanging.
Awaitable<void> until_lines(World& world, std::size_t lines) {
  asio::steady_timer timer(world.loop);
  const auto limit = connection::Clock::now() + 60s;
  while (world.reloader->plan()->lines() != lines && connection::Clock::now() < limit) {
    boost::system::error_code ignored;
    timer.expires_after(5ms);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  CHECK(world.reloader->plan()->lines() == lines);
}

Awaitable<void> noticed_by_itself(World& world) {
  world.folder.write("conf.d/more.yml", "lines: [{id: M, router: r1, target: 198.51.100.3}]\n");
  co_await until_lines(world, 2);
  std::filesystem::remove(world.folder.path() / "conf.d/more.yml");
  co_await until_lines(world, 1);
}

}  // namespace

TEST_CASE_FIXTURE(World, "an edit is read when somebody asks, and applied once") {
  run(edited_and_asked);
}

TEST_CASE_FIXTURE(World, "what an edit would change is told without being applied") {
  run(only_looked_at);
}

TEST_CASE_FIXTURE(World, "a configuration with errors changes nothing and is said until it is mended") {
  run(broken_and_mended);
}

TEST_CASE_FIXTURE(World, "host keys that cannot be read are an error of the configuration") {
  run(bad_host_keys);
}

TEST_CASE_FIXTURE(World, "what takes effect after a restart is remembered") {
  run(after_restart);
}

TEST_CASE_FIXTURE(World, "a drop-in that comes and goes is noticed, also in a folder that was not there") {
  run(noticed_by_itself);
}

TEST_CASE_FIXTURE(World, "a stop in the middle of a reading leaves nothing behind") {
  run([](World& world) -> Awaitable<void> {
    world.reloader->request("test");
    co_return;
  });
}
