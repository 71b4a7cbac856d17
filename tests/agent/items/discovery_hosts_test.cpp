#include "agent/items/discovery_hosts.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "agent/plan.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

namespace {

config::Router router(const std::string& name) {
  config::Router made;
  made.name = name;
  made.zabbix_host = name;
  return made;
}

config::Line line(const std::string& id, const std::string& router, const std::string& host) {
  config::Line made;
  made.id = id;
  made.router = router;
  made.target = "198.51.100.2";
  made.zabbix_host = host;
  return made;
}

// Host "r1" has a line, "shared" one of each router.
config::Settings settings() {
  config::Settings made;
  made.routers = {router("r1"), router("r2")};
  made.lines = {line("L-3", "r2", "shared"), line("L-1", "r1", "r1"), line("L-2", "r1", "shared")};
  made.index();
  return made;
}

struct Steps {
  template <class Edit>
  explicit Steps(Edit edit) {
    const config::Settings first = settings();
    config::Settings second = settings();
    edit(second);
    second.index();
    steps = discovery_steps(discovery_hosts(first), discovery_hosts(second));
  }
  DiscoverySteps steps;
};

}  // namespace

TEST_CASE("hosts have the lines whose items they have, in the order written") {
  const config::Settings all = settings();
  const auto hosts = discovery_hosts(all);
  REQUIRE(hosts.size() == 2);
  CHECK(hosts[0].name == "r1");
  CHECK(hosts[1].name == "shared");
  REQUIRE(hosts[1].lines.size() == 2);
  CHECK(hosts[1].lines[0]->id == "L-3");
  CHECK(hosts[1].lines[1]->id == "L-2");
  CHECK(find_host(hosts, "shared") == &hosts[1]);
  CHECK(find_host(hosts, "r2") == nullptr);
}

TEST_CASE("what is not measured, or has a host of its own, is not discovered") {
  config::Settings all = settings();
  all.lines[0].enabled = false;
  all.lines[1].own_host = true;
  auto hosts = discovery_hosts(all);
  REQUIRE(hosts.size() == 1);
  CHECK(hosts[0].lines.size() == 1);
  all.routers[0].enabled = false;
  CHECK(discovery_hosts(all).empty());
  all = settings();
  all.zabbix.layout = config::Layout::per_line;
  CHECK(discovery_hosts(all).empty());
}

TEST_CASE("agents of a shard say the same of a host that they share, and nothing of others' hosts") {
  config::Settings all = settings();
  all.routers[0].in_shard = false;
  const auto hosts = discovery_hosts(all);
  REQUIRE(hosts.size() == 2);
  CHECK_FALSE(hosts[0].ours);
  CHECK(hosts[1].ours);
  CHECK(hosts[1].lines.size() == 2);
}

TEST_CASE("a line is said with every macro, empty if unset") {
  config::Line full = line("L-1", "r1", "h");
  full.name = "HQ \"A\"\xFF";
  full.vrf = "100";
  full.group = "g";
  full.role = "backup";
  full.interval = 90500ms;
  full.labels = {{"customer", "acme"}, {"Site", "S-1"}, {"cost-centre", "7"}};
  const config::Line bare = line("L-2", "r2", "h");
  const auto rows = nlohmann::json::parse(discovery_text({"h", {&full, &bare}, true}));
  CHECK(rows == nlohmann::json::parse(R"([
    {"{#LINE}": "L-1", "{#NAME}": "HQ \"A\"�", "{#TARGET}": "198.51.100.2", "{#ROUTER}": "r1", "{#VRF}": "100",
     "{#GROUP}": "g", "{#ROLE}": "backup", "{#CUSTOMER}": "acme", "{#PROVIDER}": "", "{#CIRCUIT}": "",
     "{#SITE}": "S-1", "{#INTERVAL}": "90.5", "{#LABEL.COST_CENTRE}": "7"},
    {"{#LINE}": "L-2", "{#NAME}": "", "{#TARGET}": "198.51.100.2", "{#ROUTER}": "r2", "{#VRF}": "",
     "{#GROUP}": "", "{#ROLE}": "", "{#CUSTOMER}": "", "{#PROVIDER}": "", "{#CIRCUIT}": "", "{#SITE}": "",
     "{#INTERVAL}": "180"}])"));
  CHECK(discovery_text({"h", {}, true}) == "[]");
}

TEST_CASE("a host is told again when what is said of its lines has changed, and only then") {
  const auto again = [](auto edit) { return Steps(edit).steps.again; };
  CHECK(again([](config::Settings&) {}).empty());
  CHECK(again([](config::Settings& s) { s.lines[1].count = 9; }).empty());
  CHECK(again([](config::Settings& s) { s.lines[1].interval = 9s; }) == Names{"r1"});
  CHECK(again([](config::Settings& s) { s.lines[1].labels["x"] = "y"; }) == Names{"r1"});
  CHECK(again([](config::Settings& s) { s.lines.push_back(line("L-4", "r2", "shared")); }) ==
        Names{"shared"});
  CHECK(again([](config::Settings& s) { s.lines.push_back(line("L-4", "r2", "r2")); }) == Names{"r2"});
  CHECK(again([](config::Settings& s) { s.lines[0].enabled = false; }) == Names{"shared"});
}

TEST_CASE("a host that has no lines any more is told so, but not one that is another agent's") {
  const auto gone = [](auto edit) { return Steps(edit).steps; };
  CHECK(gone([](config::Settings& s) { s.lines[1].enabled = false; }).emptied == Names{"r1"});
  CHECK(gone([](config::Settings& s) { s.lines[1].zabbix_host = "other"; }).emptied == Names{"r1"});
  CHECK(gone([](config::Settings& s) { s.zabbix.layout = config::Layout::per_line; }).emptied ==
        Names{"r1", "shared"});
  const DiscoverySteps moved = gone([](config::Settings& s) { s.routers[0].in_shard = false; });
  CHECK(moved.emptied.empty());
  CHECK(moved.left == Names{"r1"});
}

TEST_CASE("the steps between plans hold those of discovery") {
  config::Settings edited = settings();
  edited.lines[1].name = "new";
  const Plan before(settings()), after(std::move(edited));
  CHECK(before.discovery().size() == 2);
  CHECK(steps_between(before, after).discovery.again == Names{"r1"});
}
