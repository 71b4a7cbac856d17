// A router's worker whose plan is replaced while it runs.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <random>
#include <set>

#include "config/loader.hpp"
#include "scheduler/worker.hpp"
#include "tests/support/fake_session.hpp"

using namespace linewatch;
using namespace linewatch::scheduler;
using namespace linewatch::test;
using namespace std::chrono_literals;
using aggregator::LineState;
using connection::Context;

namespace {

constexpr const char* good_answer =
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n!!!!!\n"
    "Success rate is 100 percent (5/5), round-trip min/avg/max = 1/2/4 ms\n";
constexpr const char* no_answer =
    "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n.....\n"
    "Success rate is 0 percent (0/5)\n";

// A plan that lives only as long as somebody holds it. Lines by id and interval; one task for each line.
RouterPlan plan_of(const std::map<std::string, config::Duration>& lines,
                   const std::string& target = "198.51.100.2") {
  auto settings = std::make_shared<config::Settings>();
  config::Router router;
  router.name = "r1";
  router.address = "192.0.2.1";
  router.platform = config::builtin_platforms().find("cisco_iosxe");
  settings->routers.push_back(std::move(router));
  for (const auto& [id, interval] : lines) {
    config::Line line;
    line.id = line.zabbix_host = id;
    line.router = "r1";
    line.target = target;
    line.vrf = id;  // so that a command tells whose it is
    line.interval = interval;
    settings->lines.push_back(std::move(line));
  }
  RouterPlan plan{settings, settings->routers.data(), {}, {}};
  for (const config::Line& line : settings->lines) plan.lines.push_back(&line);
  return plan;
}

struct Bench {
  explicit Bench(RouterPlan plan) {
    connection::PoolPolicy policy;
    policy.max_connections = 2;
    policy.min_connections = 0;
    pool =
        connection::Pool::make(loop.get_executor(), "r1", policy, std::make_unique<FakeFactory>(fake), log);
    fake.output = good_answer;
    worker = std::make_unique<RouterWorker>(
        loop.get_executor(), std::move(plan), pool, resolver, connection::Clock::now() - 1000s,
        [this](const aggregator::LineResult& result) {
          results.push_back(result);
          CHECK(worker->has_line(result.line));
        },
        log, [](const aggregator::TaskResult&) {});
    worker->start();
  }
  ~Bench() {
    run(worker->stop(Context().within(5s)));
    run(pool->drain(Context().within(10s)));
    CHECK(fake.open_sessions == 0);
  }
  void run(connection::Awaitable<void> operation) {
    bool done = false;
    boost::asio::co_spawn(loop, std::move(operation), [&](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
      done = true;
    });
    loop.restart();
    while (!done) loop.run_one();
  }
  void run_until(const std::function<bool()>& is_so) {
    loop.restart();
    while (!is_so()) loop.run_one();
  }
  bool no_line_runs_twice() const {
    std::set<std::string> lines;
    for (const std::string& text : fake.under_way) {
      const auto at = text.find("vrf ");
      lines.insert(text.substr(at, text.find(' ', at + 4) - at));
    }
    return lines.size() == fake.under_way.size();
  }
  int results_of(const std::string& line) const {
    return static_cast<int>(std::ranges::count(results, line, &aggregator::LineResult::line));
  }

  boost::asio::io_context loop{1};
  std::shared_ptr<spdlog::logger> log =
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  FakeRouter fake{loop.get_executor()};
  connection::Resolver resolver;
  std::shared_ptr<connection::Pool> pool;
  std::vector<aggregator::LineResult> results;
  std::unique_ptr<RouterWorker> worker;
};

}  // namespace

TEST_CASE("a line that stays keeps its last result and its pause; a new one is measured") {
  Bench bench(plan_of({{"L-1", 1s}, {"L-2", 1s}}));
  bench.fake.commands.open();
  bench.run_until([&] { return bench.results_of("L-1") > 0 && bench.results_of("L-2") > 0; });
  bench.worker->pause("L-2", Pauses::until_resumed);
  bench.worker->reconfigure(plan_of({{"L-1", 1s}, {"L-2", 1s}, {"L-3", 1s}}));
  const auto lines = bench.worker->lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].last->state == LineState::up);
  CHECK(lines[1].last->state == LineState::up);
  CHECK(lines[1].paused_until == Pauses::until_resumed);
  CHECK_FALSE(lines[2].last);
  const int before = bench.results_of("L-2");
  bench.run_until([&] { return bench.results_of("L-3") > 1; });
  CHECK(bench.results_of("L-2") == before);
}

TEST_CASE("a turn under way ends with its old definition, and the next one has the new") {
  Bench bench(plan_of({{"L-1", 1s}}));
  bench.run_until([&] { return bench.fake.commands.waiting() == 1; });
  bench.worker->reconfigure(plan_of({{"L-1", 2s}}, "198.51.100.77"));
  CHECK(bench.worker->lines()[0].running);
  CHECK(bench.worker->lines()[0].line->target == "198.51.100.77");
  bench.fake.commands.open();
  bench.run_until([&] { return bench.results_of("L-1") == 2; });
  REQUIRE(bench.fake.commands_typed.size() == 2);
  CHECK(bench.fake.commands_typed[0].find("198.51.100.2 ") != std::string::npos);
  CHECK(bench.fake.commands_typed[1].find("198.51.100.77 ") != std::string::npos);
}

TEST_CASE("of a line that was removed nothing is reported any more, and it does not run twice at once") {
  Bench bench(plan_of({{"L-1", 1s}}));
  bench.run_until([&] { return bench.fake.commands.waiting() == 1; });
  bench.worker->reconfigure(plan_of({}));
  CHECK(bench.worker->line_count() == 0);
  CHECK_FALSE(bench.worker->has_line("L-1"));
  bench.worker->reconfigure(plan_of({{"L-1", 1s}}));  // it comes back while the old turn is under way
  bench.run_until([&] { return bench.worker->statistics().skipped() > 0; });
  CHECK(bench.fake.typed == 1);
  CHECK(bench.results.empty());
  bench.fake.commands.open();
  bench.run_until([&] { return !bench.results.empty(); });
  CHECK(bench.fake.typed == 2);
}

TEST_CASE("a worker that begins without any line takes some, and their traces") {
  Bench bench(plan_of({}));
  bench.fake.commands.open();
  RouterPlan plan = plan_of({{"L-1", 1s}});
  auto settings = std::make_shared<config::Settings>(*plan.plan);
  settings->lines[0].trace.on_loss = true;
  plan = {settings, settings->routers.data(), {settings->lines.data()}, {}};
  bench.worker->reconfigure(plan);
  bench.run_until([&] { return bench.results_of("L-1") > 0; });
  bench.fake.output = no_answer;
  bench.run_until([&] { return !bench.worker->tasks().empty() && bench.worker->tasks()[0].last; });
  bench.worker->reconfigure(plan_of({}));
  CHECK(bench.worker->tasks().empty());
}

TEST_CASE("a task that stays keeps its last values; one that goes reports nothing more") {
  const auto with_tasks = [](const std::vector<std::string>& names) {
    auto settings = std::make_shared<config::Settings>(*plan_of({}).plan);
    for (const std::string& name : names) {
      config::Task task;
      task.name = name;
      task.interval = 1s;
      task.commands["cisco_iosxe"] = {"show " + name};
      settings->tasks.push_back(std::move(task));
    }
    RouterPlan plan{settings, settings->routers.data(), {}, {}};
    for (const config::Task& task : settings->tasks) plan.jobs.push_back({&task, nullptr});
    return plan;
  };
  Bench bench(with_tasks({"one", "two"}));
  bench.run_until([&] { return bench.fake.commands.waiting() == 2; });
  bench.worker->reconfigure(with_tasks({"two", "three"}));
  auto tasks = bench.worker->tasks();
  REQUIRE(tasks.size() == 2);
  CHECK(tasks[0].name == "two");
  CHECK(tasks[0].running);
  CHECK_FALSE(tasks[1].running);
  bench.fake.commands.open();
  bench.run_until([&] { return bench.worker->tasks()[1].turns > 0 && !bench.worker->tasks()[1].running; });
  bench.worker->reconfigure(with_tasks({"two"}));
  tasks = bench.worker->tasks();
  REQUIRE(tasks.size() == 1);
  CHECK(tasks[0].last);
}

TEST_CASE("whatever is edited while turns are under way, what runs is what the plan says") {
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::map<std::string, config::Duration> model;
    const auto any_id = [&] { return fmt::format("L-{}", random() % 12); };
    Bench bench(plan_of(model));
    bench.fake.commands.open();
    bench.fake.takes = 1ms;
    for (int edit = 0; edit < 60; ++edit) {
      const std::string id = any_id();
      switch (random() % 4) {
        case 0:
          model.erase(id);
          break;
        case 1:
          if (model.contains(id)) bench.worker->pause(id, connection::Clock::now() + 5ms);
          break;
        default:
          model[id] = std::chrono::milliseconds(10 + random() % 30);
      }
      std::map<std::string, LineSnapshot> before;
      for (const LineSnapshot& line : bench.worker->lines()) before[line.line->id] = line;
      bench.worker->reconfigure(plan_of(model, fmt::format("198.51.100.{}", random() % 3)));
      REQUIRE(bench.worker->line_count() == model.size());
      for (const LineSnapshot& line : bench.worker->lines()) {
        REQUIRE(model.at(line.line->id) == line.line->interval);
        const auto known = before.find(line.line->id);
        if (known == before.end()) {
          CHECK_FALSE(line.last);
        } else {
          CHECK(line.last.has_value() == known->second.last.has_value());
          CHECK(line.running == known->second.running);
          CHECK(line.paused_until == known->second.paused_until);
        }
      }
      for (auto steps = random() % 200; steps > 0; --steps) {
        bench.loop.restart();
        bench.loop.poll_one();
        REQUIRE(bench.no_line_runs_twice());
      }
      bench.run_until([&, until = connection::Clock::now() + std::chrono::milliseconds(random() % 10)] {
        return model.empty() || connection::Clock::now() >= until;
      });
      CHECK(bench.fake.under_way.size() <= 2);
    }
    model["L-last"] = 10ms;
    bench.worker->reconfigure(plan_of(model));
    bench.results.clear();
    bench.run_until([&] {
      return std::ranges::all_of(model, [&](const auto& line) { return bench.results_of(line.first) >= 2; });
    });
    for (const aggregator::LineResult& result : bench.results) CHECK(model.contains(result.line));
  }
}

TEST_CASE("a line that waits for a session and is then sent elsewhere is pinged where the new plan says") {
  Bench bench(plan_of({{"L-1", 300ms}, {"L-2", 300ms}, {"L-3", 300ms}, {"L-4", 300ms}}));
  bench.run_until([&] {
    return std::ranges::all_of(bench.worker->lines(), &LineSnapshot::running);  // two of them only wait
  });
  bench.worker->reconfigure(
      plan_of({{"L-1", 300ms}, {"L-2", 300ms}, {"L-3", 300ms}, {"L-4", 300ms}}, "203.0.113.9"));
  bench.fake.commands.open();
  bench.run_until([&] { return bench.fake.commands_typed.size() >= 4; });
  CHECK(std::ranges::count_if(bench.fake.commands_typed, [](const std::string& text) {
          return text.find("198.51.100.2 ") != std::string::npos;
        }) == 2);
}
