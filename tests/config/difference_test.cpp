#include "config/difference.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "config/loader.hpp"

using namespace linewatch::config;
using namespace std::chrono_literals;

namespace {

Settings plan() {
  Settings settings;
  settings.credentials["backbone"] = {.name = "backbone", .username = "netmon", .password = Secret("one")};
  settings.credentials["other"] = {.name = "other", .username = "netops", .password = Secret("two")};
  Router bastion;
  bastion.name = "bastion";
  bastion.address = "192.0.2.250";
  bastion.platform = builtin_platforms().find("linux");
  bastion.credentials = {"other"};
  Router edge = bastion;
  edge.name = "edge";
  edge.address = "192.0.2.1";
  edge.platform = builtin_platforms().find("cisco_iosxe");
  edge.credentials = {"backbone"};
  edge.jump = "bastion";
  settings.routers = {bastion, edge};
  Line line;
  line.id = "L-1";
  line.router = "edge";
  line.target = "198.51.100.2";
  settings.lines = {line};
  Task task;
  task.name = "optics";
  settings.tasks = {task};
  settings.index();
  return settings;
}

// What one edit is said to change, one change a line.
std::string said(const std::function<void(Settings&)>& edit) {
  Settings after = plan();
  edit(after);
  after.index();
  std::string text;
  for (const Change& change : compare(plan(), after)) text += change.text() + "\n";
  return text;
}

bool same_way(const std::function<void(Settings&)>& edit) {
  const Settings before = plan();
  Settings after = plan();
  edit(after);
  after.index();
  return same_way_in(before, *before.router("edge"), after, *after.router("edge"));
}

}  // namespace

TEST_CASE("a difference names each entry and what is other about it") {
  CHECK(said([](Settings&) {}).empty());
  CHECK(said([](Settings& s) { s.lines[0].interval = 30s; }) == "~ line L-1: interval 3m -> 30s\n");
  CHECK(said([](Settings& s) { s.lines[0].router = "bastion"; }) == "~ line L-1: router edge -> bastion\n");
  CHECK(said([](Settings& s) { s.lines[0].size = 100; }) == "~ line L-1: size none -> 100\n");
  CHECK(said([](Settings& s) { s.lines[0].labels["site"] = "x"; }) == "~ line L-1: labels\n");
  CHECK(said([](Settings& s) { s.lines[0].id = "L-2"; }) == "+ line L-2\n- line L-1\n");
  CHECK(said([](Settings& s) { s.routers[1].address = "192.0.2.9"; }) ==
        "~ router edge: address 192.0.2.1 -> 192.0.2.9\n");
  CHECK(said([](Settings& s) { s.routers[1].connection.max_connections = 4; }) ==
        "~ router edge: max_connections 2 -> 4\n");
  CHECK(said([](Settings& s) { s.tasks[0].timeout = 10s; }) == "~ task optics: timeout 30s -> 10s\n");
  CHECK(said([](Settings& s) { s.zabbix.batch_size = 500; }) == "~ zabbix.batch_size: 250 -> 500\n");
  CHECK(said([](Settings& s) { s.zabbix.servers.push_back({}); }) == "~ zabbix.servers\n");
  CHECK(said([](Settings& s) { s.agent.threads = 2; }) ==
        "! agent.threads: 1 -> 2 (takes effect after a restart)\n");
}

TEST_CASE("no field of an entry can change without a word") {
  using Edit = std::function<void(Settings&)>;
  const Edit edits[] = {
      [](Settings& s) { s.lines[0].confirm.times = 2; },
      [](Settings& s) { s.lines[0].trace.on_loss = true; },
      [](Settings& s) { s.lines[0].zabbix_host = "h"; },
      [](Settings& s) { s.lines[0].group = "g"; },
      [](Settings& s) { s.lines[0].role = "backup"; },
      [](Settings& s) { s.lines[0].enabled = false; },
      [](Settings& s) { s.lines[0].resolve = Resolve::agent; },
      [](Settings& s) { s.lines[0].tasks = {"optics"}; },
      [](Settings& s) { s.routers[1].enabled = false; },
      [](Settings& s) { s.routers[1].in_shard = false; },
      [](Settings& s) { s.routers[1].own_items = true; },
      [](Settings& s) { s.routers[1].protocol = Protocol::exec; },
      [](Settings& s) { s.routers[1].connection.breaker.failures = 9; },
      [](Settings& s) { s.routers[1].connection.backoff.max = 9s; },
      [](Settings& s) { s.credentials["backbone"].lockout.retry = 1min; },
      [](Settings& s) { s.credentials["backbone"].private_key = Secret("key"); },
      [](Settings& s) { s.tasks[0].values.push_back({}); },
  };
  for (const Edit& edit : edits) {
    const std::string text = said(edit);
    INFO(text);
    CHECK(text.find(": ") != std::string::npos);
  }
}

TEST_CASE("a secret is said to have changed, and not shown") {
  const std::string text =
      said([](Settings& s) { s.credentials["backbone"].password = Secret("new-secret"); });
  CHECK(text == "~ credential backbone: password\n");
}

TEST_CASE("a profile of the same name with other contents is a change of its routers") {
  const std::string text = said(
      [](Settings& s) { s.routers[1].platform = std::make_shared<const Platform>(*s.routers[1].platform); });
  CHECK(text == "~ router edge: platform\n");
}

TEST_CASE("the way in is other when address, account, platform, time limits or the way there are") {
  CHECK(same_way([](Settings&) {}));
  CHECK(same_way([](Settings& s) { s.routers[1].connection.max_connections = 9; }));
  CHECK(same_way([](Settings& s) { s.routers[1].zabbix_host = "h"; }));
  CHECK(same_way([](Settings& s) { s.routers[0].zabbix_host = "h"; }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[1].address = "192.0.2.9"; }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[1].port = 2222; }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[1].connection.read_timeout = 9s; }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[1].connection.source_address = "192.0.2.7"; }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[1].credentials = {"other"}; }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[1].legacy_ssh = true; }));
  CHECK_FALSE(same_way([](Settings& s) { s.credentials["backbone"].password = Secret("new"); }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[1].jump.clear(); }));
  CHECK_FALSE(same_way([](Settings& s) { s.routers[0].address = "192.0.2.251"; }));  // of the jump host
  CHECK_FALSE(
      same_way([](Settings& s) { s.credentials["other"].password = Secret("x"); }));  // of the jump host
}

TEST_CASE("a summary counts by kind") {
  Settings after = plan();
  after.lines[0].interval = 30s;
  Line more = after.lines[0];
  more.id = "L-2";
  after.lines.push_back(more);
  more.id = "L-3";
  after.lines.push_back(more);
  CHECK(summary(compare(plan(), after)) == "2 lines added, 1 line changed");
  CHECK(summary({}) == "nothing has changed");
}
