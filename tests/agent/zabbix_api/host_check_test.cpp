#include "agent/zabbix_api/host_check.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <sstream>

#include "tests/agent/zabbix_api/front_end.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
using linewatch::test::FrontEnd;
using Way = FrontEnd::Way;

namespace {

constexpr HostCheck::Pace soon{.look = 1ms, .pause = 1ms, .limit = 20s};

// A loop with a check on it, of an agent whose lines have the hosts line-2 and line-9; of these the front end
// has line-2.
struct World {
  FrontEnd zabbix;
  Background background;
  boost::asio::io_context loop{1};
  connection::Resolver resolver{1};
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  aggregator::Aggregator aggregator{loop.get_executor(), config::ZabbixSettings(), resolver, log};
  std::unique_ptr<HostCheck> check;

  explicit World(HostCheck::Pace pace = soon)
      : check(std::make_unique<HostCheck>(loop.get_executor(), aggregator, log, pace)) {
    log->set_pattern("%l %v");
    zabbix.hosts(3);
  }
  SharedPlan plan(bool with_api = true) {
    config::Settings settings;
    settings.agent.name = "line-9";
    settings.routers.resize(1);
    settings.routers[0].name = settings.routers[0].zabbix_host = "r1";
    for (const char* host : {"line-2", "line-9", "line-2"}) {
      config::Line& line = settings.lines.emplace_back();
      line.id = "L-" + std::to_string(settings.lines.size());
      line.router = "r1";
      line.zabbix_host = host;
    }
    if (with_api) settings.zabbix.api = zabbix.settings();
    return make_plan(std::move(settings), background.queue());
  }
  // Runs the loop until the condition holds; the test program's own limit ends an endless wait.
  template <typename Condition>
  void run_until(Condition condition) {
    while (!condition()) loop.run_one();
  }
  void run_until_asked(std::size_t more) {
    const std::size_t before = zabbix.requests();
    run_until([&] { return zabbix.requests() >= before + more; });
  }
  void stop() {
    bool stopped = false;
    boost::asio::co_spawn(loop, check->stop(connection::Context()),
                          [&](std::exception_ptr) { stopped = true; });
    run_until([&] { return stopped; });
  }
  std::size_t said(const std::string& words) const {
    const std::string text = out.str();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(words, at)) != std::string::npos; ++at) ++count;
    return count;
  }
};

}  // namespace

TEST_CASE("the hosts that values go to") {
  World world;
  CHECK(hosts_of(*world.plan()) == std::vector<std::string>{"line-2", "line-9"});
  config::Settings settings = world.plan()->settings();
  settings.routers[0].own_items = true;
  settings.lines[0].enabled = false;
  settings.lines[2].enabled = false;
  const SharedPlan other = make_plan(std::move(settings), world.background.queue());
  CHECK(hosts_of(*other) == std::vector<std::string>{"line-9", "r1"});
}

TEST_CASE("a maintenance without data collection is said when it begins and when it is over") {
  World world;
  world.check->start(world.plan());
  world.run_until([&] { return world.check->state().last_success.has_value(); });
  CHECK(world.check->state().troubles.empty());
  CHECK(world.check->state().unseen == 1);
  world.zabbix.resting(true);
  world.run_until([&] { return !world.check->state().troubles.empty(); });
  CHECK(world.check->state().troubles[0].host == "line-2");
  world.run_until_asked(6);
  world.zabbix.resting(false);
  world.run_until([&] { return world.check->state().troubles.empty(); });
  world.stop();
  CHECK(world.said("warning host line-2 is in maintenance without data collection: ") == 1);
  CHECK(world.said("info host line-2 stores what it is sent again") == 1);
}

TEST_CASE("an API that cannot be asked is said when that begins and when it ends") {
  World world;
  world.zabbix.resting(true);
  world.check->start(world.plan());
  world.run_until([&] { return !world.check->state().troubles.empty(); });
  world.zabbix.way(Way::bad_gateway);
  world.run_until([&] { return !world.check->state().last_error.empty(); });
  world.run_until_asked(4);
  CHECK(world.check->state().troubles.size() == 1);  // as last known
  world.zabbix.way(Way::good);
  world.run_until([&] { return world.check->state().last_error.empty(); });
  world.stop();
  CHECK(world.said("warning zabbix.api cannot be asked why") == 1);
  CHECK(world.said("info zabbix.api can be asked about hosts again") == 1);
  CHECK(world.said("t0ken") == 0);
}

TEST_CASE("a check follows the plan to an API, and away from it") {
  World world;
  world.zabbix.resting(true);
  world.check->start(world.plan(false));
  for (int i = 0; i < 5; ++i) world.loop.run_one();
  CHECK(world.zabbix.requests() == 0);
  world.check->apply(world.plan());
  world.run_until([&] { return !world.check->state().troubles.empty(); });
  world.check->apply(world.plan(false));
  CHECK(world.check->state().troubles.empty());
  world.stop();
}

TEST_CASE("a stop waits for no API that is silent") {
  constexpr HostCheck::Pace patient{.look = 1ms, .pause = 1ms, .limit = 1h};
  World world(patient);
  world.zabbix.way(Way::silent);
  world.check->start(world.plan());
  world.run_until([&] { return world.zabbix.requests() == 1; });
  world.stop();
  CHECK(world.said("warning") == 0);
  World left(patient);  // nobody stops it
  left.zabbix.way(Way::silent);
  left.check->start(left.plan());
  left.run_until([&] { return left.zabbix.requests() == 1; });
  left.check.reset();
}
