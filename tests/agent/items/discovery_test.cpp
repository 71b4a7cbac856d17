#include "agent/items/discovery.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <sstream>

#include "aggregator/aggregator.hpp"
#include "tests/aggregator/stand_in.hpp"
#include "tests/config/loading.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using aggregator::test::StandIn;
using connection::Awaitable;
using connection::Context;
using Names = std::vector<std::string>;
using WallClock = std::chrono::system_clock;

namespace {

config::Line line(const std::string& id, const std::string& router) {
  config::Line made;
  made.id = id;
  made.router = router;
  made.zabbix_host = router;
  return made;
}

config::Settings settings(std::vector<config::Line> lines) {
  config::Settings made;
  made.routers.resize(2);
  made.routers[0].name = "r1";
  made.routers[1].name = "r2";
  made.lines = std::move(lines);
  return made;
}

// A discovery with a state folder of its own, and a trapper that takes what it says. Coroutines take it by
// reference: it outlives the loop's work.
struct World {
  using Scenario = Awaitable<void> (*)(World&);

  tests::Folder folder;
  asio::io_context loop{1};
  Background background;
  connection::Resolver resolver{1};
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  std::shared_ptr<StandIn> server = std::make_shared<StandIn>(loop);
  std::unique_ptr<aggregator::Aggregator> aggregator;
  std::unique_ptr<Discovery> discovery;
  config::Settings first = settings({line("L-1", "r1"), line("L-2", "r2")});
  connection::Clock::duration repeat = std::chrono::hours(1);
  SharedPlan plan;

  World() { server->start(); }

  void start() {
    config::ZabbixSettings zabbix;
    zabbix.flush_interval = 0ms;
    zabbix.servers.push_back({{server->node()}, {}});
    aggregator = std::make_unique<aggregator::Aggregator>(
        loop.get_executor(), zabbix, resolver, log,
        aggregator::DeliveryOptions{.backoff_first = 1ms, .backoff_max = 4ms});
    aggregator->start();
    plan = make_plan(first, background.queue());
    discovery =
        std::make_unique<Discovery>(loop.get_executor(), background, *aggregator, folder.path(), log, repeat);
    discovery->start(plan);
  }
  void apply(config::Settings settings) {
    const SharedPlan before = std::exchange(plan, make_plan(std::move(settings), background.queue()));
    discovery->apply(before, plan, steps_between(*before, *plan));
  }
  bool held(const std::string& line, const std::string& host, bool own_host = false) const {
    return discovery->hold(line, host, own_host) != WallClock::time_point();
  }
  // What a key of a host was told, in order.
  Names told(const std::string& host, const std::string& key = "lines.discovery") const {
    Names values;
    for (const auto& value : server->accepted)
      if (value["host"] == host && value["key"] == key) values.push_back(value["value"]);
    return values;
  }
  // The lines of a host as it was last told.
  Names lines_of(const std::string& host) const {
    const Names values = told(host);
    Names lines;
    for (const auto& row : nlohmann::json::parse(values.empty() ? "[]" : values.back()))
      lines.push_back(row["{#LINE}"]);
    return lines;
  }

  static Awaitable<void> whole(World& world, Scenario scenario) {
    co_await scenario(world);
    co_await world.discovery->stop();
    const Context ctx = Context().within(20s);
    co_await world.aggregator->drain(ctx);
    world.server->stop();
  }
  void run(Scenario scenario) {
    start();
    bool ended = false;
    asio::co_spawn(loop, whole(*this, scenario), [&ended](const std::exception_ptr& failure) {
      ended = true;
      if (failure) std::rethrow_exception(failure);
    });
    loop.run_for(60s);
    REQUIRE(ended);
  }
};

// The limit is only there to fail instead of hanging.
Awaitable<void> until(World& world, std::function<bool()> holds) {
  asio::steady_timer timer(world.loop);
  const auto limit = connection::Clock::now() + 30s;
  while (!holds() && connection::Clock::now() < limit) {
    boost::system::error_code ignored;
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  REQUIRE(holds());
}

Awaitable<void> pause(World& world, connection::Clock::duration length) {
  asio::steady_timer timer(world.loop, length);
  co_await timer.async_wait(asio::use_awaitable);
}

Awaitable<void> told_of_both(World& world) {
  const std::function<bool()> both = [&world] {
    return world.told("r1").size() == 1 && world.told("r2").size() == 1;
  };
  co_await until(world, both);
}

// In the background; nothing is on the disk before it is done.
KnownLines on_the_disk(const World& world) {
  return load_known_lines(world.folder.path(), *world.log);
}

}  // namespace

TEST_CASE("at the start each host is told of its lines, and their values wait") {
  World world;
  world.run([](World& world) -> Awaitable<void> {
    const auto before = world.discovery->hold("L-1", "r1", false);
    CHECK(before > WallClock::now() + 100s);  // not told yet
    co_await told_of_both(world);
    CHECK(world.lines_of("r1") == Names{"L-1"});
    CHECK(world.lines_of("r2") == Names{"L-2"});
    const auto after = world.discovery->hold("L-1", "r1", false);
    CHECK(after >= before);  // so that no later value goes first
    CHECK(after <= WallClock::now() + 2min);
    CHECK(world.discovery->hold("L-1", "r1", false) == after);
    CHECK_FALSE(world.held("L-1", "r1", true));  // from the Zabbix API: its items are not discovered
    CHECK(world.held("L-1", "r2"));              // where it is new
  });
}

TEST_CASE("known lines are not held back after a restart, new ones are") {
  World world;
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(WallClock::now().time_since_epoch()).count();
  world.first = settings({line("L-1", "r1"), line("L-2", "r2"), line("L-3", "r2"), line("L-4", "r2")});
  world.folder.write("discovered-lines", text_of({{"L-1", {"r1", now - 3600}},
                                                  {"L-2", {"r2", now - 60}},       // not for so long
                                                  {"L-3", {"r2", now + 3600}}}));  // the clock was wrong
  world.run([](World& world) -> Awaitable<void> {
    co_await told_of_both(world);
    CHECK_FALSE(world.held("L-1", "r1"));
    CHECK(world.discovery->hold("L-2", "r2", false) <= WallClock::now() + 61s);
    CHECK(world.held("L-2", "r2"));
    CHECK(world.discovery->hold("L-3", "r2", false) <= WallClock::now() + 2min);
    CHECK(world.held("L-4", "r2"));
  });
}

TEST_CASE("what is known is on the disk when the agent has ended") {
  KnownLines known;
  World world;
  world.run(told_of_both);
  const auto saved = [&] {
    known = on_the_disk(world);
    return known.size() == 2;
  };
  for (int tries = 0; tries < 10'000 && !saved(); ++tries) std::this_thread::sleep_for(1ms);
  REQUIRE(known.size() == 2);
  CHECK(known.at("L-2").host == "r2");
}

TEST_CASE("nothing is held back with discovery_hold 0, nor in layout per_line") {
  World world;
  world.first.zabbix.discovery_hold = 0s;
  world.run([](World& world) -> Awaitable<void> {
    CHECK_FALSE(world.held("L-1", "r1"));
    co_await told_of_both(world);
    CHECK_FALSE(world.held("L-1", "r1"));
    config::Settings per_line = world.first;
    per_line.zabbix.discovery_hold = 2min;
    per_line.zabbix.layout = config::Layout::per_line;
    world.apply(std::move(per_line));
    CHECK_FALSE(world.held("L-1", "r1"));
    CHECK_FALSE(world.held("L-9", "r1"));
  });
}

TEST_CASE("a change of the plan is told at once: lines that come, that go, hosts without any") {
  World world;
  world.run([](World& world) -> Awaitable<void> {
    co_await told_of_both(world);
    world.apply(settings({line("L-1", "r1"), line("L-3", "r1")}));
    const std::function<bool()> told = [&world] {
      return world.told("r1").size() == 2 && world.told("r2").size() == 2;
    };
    co_await until(world, told);
    CHECK(world.lines_of("r1") == Names{"L-1", "L-3"});
    CHECK(world.told("r2").back() == "[]");
    world.apply(settings({line("L-1", "r1"), line("L-3", "r1"), line("L-2", "r2")}));
    const std::function<bool()> back = [&world] { return world.lines_of("r2") == Names{"L-2"}; };
    co_await until(world, back);
    CHECK(world.held("L-2", "r2"));  // Zabbix may have forgotten it
    CHECK(world.told("r1").size() == 2);
  });
}

TEST_CASE("another server is told all") {
  World world;
  world.run([](World& world) -> Awaitable<void> {
    co_await told_of_both(world);
    config::Settings more = world.first;
    more.zabbix.servers.push_back({});
    world.apply(std::move(more));
    const std::function<bool()> told = [&world] {
      return world.told("r1").size() == 2 && world.told("r2").size() == 2;
    };
    co_await until(world, told);
  });
}

TEST_CASE("lines that went while no agent ran get their last value, and their host an empty list, once") {
  World world;
  world.folder.write("discovered-lines",
                     text_of({{"L-1", {"r1", 7}}, {"L-8", {"r1", 7}}, {"L-9", {"r9", 7}}}));
  world.run([](World& world) -> Awaitable<void> {
    const std::function<bool()> told = [&world] {
      return !world.told("r9").empty() && !world.told("r1").empty();
    };
    co_await until(world, told);
    CHECK(world.told("r1", "line.status[L-8]") == Names{"5"});
    CHECK(world.told("r9", "line.status[L-9]") == Names{"5"});
    CHECK(world.told("r9") == Names{"[]"});
    CHECK(world.told("r1").size() == 1);
    CHECK(world.told("r1", "line.status[L-1]").empty());
  });
}

TEST_CASE("a line that another agent of the shard measures now gets no last value from this one") {
  World world;
  world.first.routers[1].in_shard = false;
  world.folder.write("discovered-lines", text_of({{"L-2", {"r2", 7}}}));
  world.run([](World& world) -> Awaitable<void> {
    const std::function<bool()> told = [&world] { return !world.told("r1").empty(); };
    co_await until(world, told);
    CHECK(world.told("r2").empty());
    CHECK(world.told("r2", "line.status[L-2]").empty());
  });
}

TEST_CASE("what was said is said again, but does not pile up while nobody takes it") {
  World world;
  world.repeat = 4ms;
  world.run([](World& world) -> Awaitable<void> {
    const std::function<bool()> often = [&world] {
      return world.told("r1").size() > 3 && world.told("r2").size() > 3;
    };
    co_await until(world, often);
    world.server->otherwise = aggregator::test::Behaviour::close_at_once;
    const std::function<bool()> away = [&world] {
      return !world.aggregator->statistics()[0].last_error.empty();
    };
    co_await until(world, away);
    co_await pause(world, 50ms);  // what was on its way
    const std::uint64_t queued = world.aggregator->statistics()[0].queued;
    co_await pause(world, 100ms);
    CHECK(world.aggregator->statistics()[0].queued == queued);
    world.server->otherwise = aggregator::test::Behaviour::ok;
  });
}

TEST_CASE("a plan with very many lines on one host is told, and a change on the way is not lost") {
  World world;
  std::vector<config::Line> lines;
  for (int i = 0; i < 3'000; ++i) lines.push_back(line("L-" + std::to_string(i), "r1"));
  lines.push_back(line("X", "r2"));
  world.first = settings(std::move(lines));
  world.run([](World& world) -> Awaitable<void> {
    const std::function<bool()> begun = [&world] { return !world.told("r1").empty(); };
    co_await until(world, begun);
    config::Settings fewer = world.first;
    fewer.lines.erase(fewer.lines.begin());
    world.apply(std::move(fewer));
    const std::function<bool()> told = [&world] {
      return world.lines_of("r1").size() == 2'999 && !world.told("r2").empty();
    };
    co_await until(world, told);
    CHECK(world.held("L-2999", "r1"));
  });
}
