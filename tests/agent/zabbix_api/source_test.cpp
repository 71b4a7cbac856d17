#include "agent/zabbix_api/source.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <sstream>

#include "tests/agent/zabbix_api/front_end.hpp"
#include "tests/agent/zabbix_api/hosts.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
using linewatch::test::FrontEnd;
using Way = FrontEnd::Way;

namespace {

// A loop with a source on it. What the source's thread logs is read only once that has ended.
struct World {
  FrontEnd zabbix;
  test::StateDir dir;
  std::ostringstream out;
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  boost::asio::io_context loop{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{loop.get_executor()};
  std::unique_ptr<ZabbixApiSource> source;
  std::vector<std::size_t> plans;  // sizes of those that were told

  World() { log->set_pattern("%l %v"); }

  ApiStart begin(std::chrono::milliseconds limit = 10s) {
    return start_with_api(zabbix.settings(), dir.path(), log, limit);
  }
  void start(ApiStart first, ApiLimits limits = {.retry_first = 1ms}) {
    source =
        std::make_unique<ZabbixApiSource>(loop.get_executor(), zabbix.settings(), dir.path(), log, limits);
    source->start(std::move(first),
                  [this](std::vector<config::ApiHost> hosts) { plans.push_back(hosts.size()); });
  }
  // Runs the loop until the condition holds; the test program's own limit ends an endless wait.
  template <typename Condition>
  void run_until(Condition condition) {
    while (!condition()) loop.run_one();
  }
  void stop() {
    bool stopped = false;
    boost::asio::co_spawn(loop, source->stop(connection::Context()),
                          [&](std::exception_ptr) { stopped = true; });
    run_until([&] { return stopped; });
    source.reset();
  }
  std::size_t said(const std::string& words) const {
    const std::string text = out.str();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(words, at)) != std::string::npos; ++at) ++count;
    return count;
  }
};

}  // namespace

TEST_CASE("at the start the API is asked, else the last plan goes on, else there is none and it is said") {
  World world;
  world.zabbix.way(Way::bad_gateway);
  ApiStart none = world.begin();
  CHECK_FALSE(none.fetched);
  CHECK(none.plan.hosts.empty());
  CHECK(world.said("error lines from the Zabbix API: ") == 1);
  CHECK(none.error.find("HTTP 502") != std::string::npos);

  world.zabbix.way(Way::good);
  ApiStart good = world.begin();
  CHECK(good.fetched);
  CHECK(good.error.empty());
  CHECK(good.plan.hosts.size() == 10);

  world.zabbix.way(Way::silent);
  ApiStart kept = world.begin(50ms);
  CHECK_FALSE(kept.fetched);
  CHECK(kept.plan.hosts == good.plan.hosts);
  CHECK(kept.error.find("took too long") != std::string::npos);
  CHECK(world.said("the last plan goes on hosts=10") == 1);

  world.zabbix.way(Way::good);
  world.zabbix.hosts(2);
  ApiStart poor = world.begin();
  CHECK(poor.refused);
  CHECK(poor.plan.hosts == good.plan.hosts);
  CHECK(world.said("t0ken") == 0);
}

TEST_CASE("each change is told once, on the loop") {
  World world;
  world.start(world.begin());
  CHECK(world.source->state().hosts == 10);
  CHECK(world.source->state().last_success);
  world.zabbix.wait_requests(12);  // the same hosts again and again
  world.zabbix.hosts(11);
  world.run_until([&] { return !world.plans.empty(); });
  world.zabbix.hosts(9);
  world.run_until([&] { return world.plans.size() >= 2; });
  CHECK(world.plans == std::vector<std::size_t>{11, 9});
  CHECK(world.source->state().hosts == 9);
  CHECK(world.source->state().last_error.empty());
  world.stop();
  CHECK(world.plans.size() == 2);
  CHECK((*read_api_plan(world.dir.path(), question_of(world.zabbix.settings())))->hosts.size() == 9);
}

TEST_CASE("an outage is said once when it begins and once when it ends, and the plan goes on") {
  World world;
  world.start(world.begin());
  world.zabbix.way(Way::bad_gateway);
  world.run_until([&] { return !world.source->state().last_error.empty(); });
  world.zabbix.wait_requests(world.zabbix.requests() + 5);
  CHECK(world.source->state().hosts == 10);
  world.zabbix.way(Way::good);
  world.run_until([&] { return world.source->state().last_error.empty(); });
  world.stop();
  CHECK(world.said("warning lines from the Zabbix API: ") == 1);
  CHECK(world.said("it answers again hosts=10") == 1);
  CHECK(world.plans.empty());
}

TEST_CASE("an outage that lasts since the start is not said again") {
  World world;
  world.zabbix.way(Way::bad_gateway);
  world.start(world.begin());
  world.zabbix.wait_requests(world.zabbix.requests() + 5);
  world.zabbix.way(Way::good);
  world.run_until([&] { return !world.plans.empty(); });
  world.stop();
  CHECK(world.said("HTTP 502") == 1);
  CHECK(world.said("it answers again hosts=10") == 1);
}

TEST_CASE("a plan that loses too much is said once and not taken, until it is accepted") {
  World world;
  world.start(world.begin());
  world.zabbix.hosts(3);
  world.run_until([&] { return !world.source->state().last_error.empty(); });
  world.zabbix.wait_requests(world.zabbix.requests() + 10);
  CHECK(world.plans.empty());
  CHECK(world.source->state().hosts == 10);
  const std::string question = question_of(world.zabbix.settings());
  REQUIRE(write_api_plan(world.dir.path(), {question, test::line_hosts(3)}));
  world.run_until([&] { return !world.plans.empty(); });
  world.stop();
  CHECK(world.plans == std::vector<std::size_t>{3});
  CHECK(world.said("the plan is not taken: 7 of the 10 hosts") == 1);
}

TEST_CASE("a stop does not wait for an API that is silent, nor for the next turn") {
  World world;
  world.start(world.begin());
  world.zabbix.way(Way::silent);
  world.zabbix.wait_requests(world.zabbix.requests() + 1);
  world.stop();
  World waiting;
  config::ApiSettings rarely = waiting.zabbix.settings();
  rarely.interval = 1h;
  waiting.source =
      std::make_unique<ZabbixApiSource>(waiting.loop.get_executor(), rarely, waiting.dir.path(), waiting.log);
  waiting.source->start({.fetched = true}, [](std::vector<config::ApiHost>) {});
  waiting.stop();
}

TEST_CASE("a source that nobody stopped, or started, ends with its owner") {
  World world;
  world.start(world.begin());
  world.zabbix.hosts(11);
  world.zabbix.wait_requests(20);
  world.source.reset();
  world.work.reset();
  world.loop.run();
  World never;
  never.source = std::make_unique<ZabbixApiSource>(never.loop.get_executor(), never.zabbix.settings(),
                                                   never.dir.path(), never.log);
  never.stop();
}
