#include "agent/plan.hpp"

#include <doctest/doctest.h>

#include "config/loader.hpp"

using namespace linewatch;
using namespace linewatch::agent;

namespace {

config::Router router(const std::string& name) {
  config::Router made;
  made.name = name;
  made.address = "192.0.2.1";
  made.platform = config::builtin_platforms().find("cisco_iosxe");
  return made;
}

config::Line line(const std::string& id, const std::string& router) {
  config::Line made;
  made.id = id;
  made.router = router;
  made.target = "198.51.100.2";
  made.zabbix_host = router;
  return made;
}

config::Settings settings() {
  config::Settings made;
  made.routers = {router("r2"), router("r1"), router("bastion")};
  made.lines = {line("L-1", "r1"), line("L-2", "r2"), line("L-3", "r2")};
  return made;
}

std::vector<std::string> names(const Plan& plan, const std::vector<std::size_t>& routers) {
  std::vector<std::string> all;
  for (const std::size_t each : routers) all.push_back(plan.routers()[each].router->name);
  return all;
}

std::vector<std::string> removed(const PlanSteps& steps) {
  std::vector<std::string> ids;
  for (const config::Line* line : steps.removed) ids.push_back(line->id);
  return ids;
}

using Names = std::vector<std::string>;

struct Steps {
  template <class Edit>
  explicit Steps(Edit edit) {
    config::Settings edited = settings();
    edit(edited);
    const Plan before(settings()), after(std::move(edited));
    const PlanSteps steps = steps_between(before, after);
    going = names(before, steps.going);
    staying = names(after, steps.staying);
    coming = names(after, steps.coming);
    gone_lines = removed(steps);
  }
  Names going, staying, coming, gone_lines;
};

}  // namespace

TEST_CASE("a plan has the routers that are measured, by name, with their lines") {
  config::Settings all = settings();
  all.lines[2].enabled = false;
  const Plan plan(std::move(all));
  REQUIRE(plan.routers().size() == 2);
  CHECK(plan.routers()[0].router->name == "r1");
  CHECK(plan.routers()[1].router->name == "r2");
  CHECK(plan.routers()[1].lines.size() == 1);
  CHECK(plan.lines() == 2);
}

TEST_CASE("steps name the routers that go, stay and come") {
  const Steps steps([](config::Settings& s) {
    s.routers[1].name = "r3";
    s.lines[0].router = "r3";
  });
  CHECK(steps.going == Names{"r1"});
  CHECK(steps.staying == Names{"r2"});
  CHECK(steps.coming == Names{"r3"});
}

TEST_CASE("a line that moves to another router is no line that goes") {
  const Steps steps([](config::Settings& s) { s.lines[1].router = "r1"; });
  CHECK(steps.gone_lines.empty());
}

TEST_CASE("lines go with themselves, with their router, and when they are not enabled any more") {
  CHECK(Steps([](config::Settings& s) { s.lines.erase(s.lines.begin()); }).gone_lines == Names{"L-1"});
  CHECK(Steps([](config::Settings& s) { s.lines[1].enabled = false; }).gone_lines == Names{"L-2"});
  CHECK(Steps([](config::Settings& s) { s.routers[0].enabled = false; }).gone_lines == Names{"L-2", "L-3"});
}

TEST_CASE("a line whose values go to another Zabbix host ends on the first") {
  CHECK(Steps([](config::Settings& s) { s.lines[1].zabbix_host = "other"; }).gone_lines == Names{"L-2"});
}

TEST_CASE("a line that another agent of the shard measures now does not end") {
  const Steps steps([](config::Settings& s) { s.routers[0].in_shard = false; });
  CHECK(steps.going == Names{"r2"});
  CHECK(steps.gone_lines.empty());
}

TEST_CASE("the last holder of a plan may let go of it anywhere, also after the background has ended") {
  SharedPlan last;
  {
    const Background background;
    last = make_plan(settings(), background.queue());
    const auto other = make_plan(settings(), background.queue());
  }
  CHECK(last->lines() == 3);
  last.reset();
}
