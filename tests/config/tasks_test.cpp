#include <doctest/doctest.h>

#include <string>

#include "config/task.hpp"
#include "tests/config/loading.hpp"

using namespace linewatch;
using config::Duration;
using config::TaskValue;

namespace {

// The head (lines 1 to 4), a task on line 5 whose further keys are given, and who names it.
std::string with_task(std::string_view keys, std::string_view rest = "") {
  std::string out(tests::head);
  out.append("tasks: [{name: bgp, ").append(keys).append("}]\n").append(rest);
  return out += "lines: [{id: L1, router: r1, target: 198.51.100.2}]\n";
}

constexpr std::string_view good_values = "values: [{name: up, item: bgp.up, count: Established}]";

std::string problems_of_value(std::string_view value, std::string_view commands = "{cisco_iosxe: show bgp}") {
  const tests::Folder folder;
  return folder.problems_of(
      with_task("commands: " + std::string(commands) + ", values: [" + std::string(value) + "]"));
}

// What the one problem says, behind its place.
std::string said(std::string_view problems) {
  const std::size_t at = problems.find("error: ");
  return at == std::string_view::npos ? std::string(problems) : std::string(problems.substr(at + 7));
}

}  // namespace

TEST_CASE("a task is read with everything it may say, and routers and lines name it") {
  const tests::Folder folder;
  CHECK(folder.problems_of(
            "zabbix: {servers: [10.0.0.5]}\n"
            "credentials: {c: {username: u, password: p}}\n"
            "tasks:\n"
            "  - name: bgp\n"
            "    kind: command\n"
            "    interval: 1m\n"
            "    timeout: 20s\n"
            "    commands:\n"
            "      cisco_ios: show ip bgp summary\n"
            "      huawei_vrp: [display bgp peer, display bgp vpnv4 all peer]\n"
            "    expect: {cisco_iosxe: '^Neighbor', huawei_vrp: 'Peer'}\n"
            "    values:\n"
            "      - {name: up, item: 'bgp.peers[up]', count: {cisco_iosxe: 'x$', huawei_vrp: null}}\n"
            "      - {name: mem, item: bgp.mem, find: '(?P<mem>\\d+) (?P<uptime>.*)', factor: 1024}\n"
            "      - {name: uptime, item: bgp.uptime, type: text, find: 'for (?P<uptime>.*)'}\n"
            "  - name: optics\n"
            "    commands: {cisco_iosxe: 'show interfaces {label.port} transceiver'}\n"
            "    values: [{name: rx, item: optic.rx, type: integer, find: '(?P<rx>-?\\d+) dBm'}]\n"
            "routers:\n"
            "  - {name: r1, address: 192.0.2.1, platform: cisco_iosxe, credentials: c, tasks: [bgp]}\n"
            "  - {name: h1, address: 192.0.2.2, platform: huawei_vrp, credentials: c, tasks: bgp}\n"
            "lines:\n"
            "  - {id: L1, router: r1, target: 198.51.100.2, labels: {port: Gi0/1}, tasks: [optics]}\n"
            "  - {id: L2, router: r1, target: 198.51.100.3, labels: {port: Gi0/2}, task: optics}\n") == "");
  const config::Settings settings = folder.load().settings;
  REQUIRE(settings.tasks.size() == 2);
  const config::Task& bgp = *settings.task("bgp");
  CHECK(bgp.interval == Duration(60'000));
  CHECK(bgp.timeout == Duration(20'000));
  CHECK(*bgp.commands_for("cisco_iosxe") == std::vector<std::string>{"show ip bgp summary"});
  CHECK(bgp.commands_for("huawei_vrp")->size() == 2);
  CHECK_FALSE(bgp.commands_for("frr"));
  CHECK(bgp.values[0].counts);
  CHECK(bgp.values[0].type == TaskValue::Type::integer);
  CHECK(bgp.values[0].pattern.of("cisco_iosxe"));
  CHECK_FALSE(bgp.values[0].pattern.of("huawei_vrp"));
  CHECK(bgp.values[1].factor == 1024);
  CHECK(bgp.values[2].type == TaskValue::Type::text);
  CHECK(settings.router("r1")->tasks == std::vector<std::string>{"bgp"});
  CHECK(settings.router("h1")->tasks == std::vector<std::string>{"bgp"});
  CHECK(settings.line("L1")->pinged());
  CHECK(settings.line("L1")->own_tasks() == std::vector<std::string>{"optics"});
  CHECK_FALSE(settings.line("L2")->pinged());
  CHECK(settings.line("L2")->own_tasks() == std::vector<std::string>{"optics"});
  CHECK(settings.task("optics")->interval == Duration(300'000));
}

TEST_CASE("what is wrong with a task is said where it stands") {
  const tests::Folder folder;
  const std::string ok(good_values);
  CHECK(folder.problems_of(with_task("commands: {cisco_isoxe: show bgp}, " + ok)) ==
        "linewatch.yml:5:45: error: tasks[0].commands.cisco_isoxe: unknown platform 'cisco_isoxe' (did you "
        "mean "
        "'cisco_iosxe'?)\n");
  CHECK(folder.problems_of(with_task("commands: {cisco_ios: show bgp, cisco_iosxe: show bgp}, " + ok)) ==
        "linewatch.yml:5:66: error: tasks[0].commands.cisco_iosxe: is cisco_iosxe, which has commands "
        "already\n");
  CHECK(folder.problems_of(with_task("comands: {linux: ls}, " + ok)) ==
        "linewatch.yml:5:9: error: tasks[0].commands: missing (write what to type on each platform, as "
        "cisco_iosxe: "
        "show ...)\n"
        "linewatch.yml:5:21: error: tasks[0].comands: unknown key 'comands' (did you mean 'commands'?)\n");
  CHECK(folder.problems_of(with_task("commands: {linux: ls}")) ==
        "linewatch.yml:5:9: error: tasks[0].values: missing (write what to pick from the answer: name, item, "
        "find or "
        "count)\n");
  CHECK(folder.problems_of(with_task("commands: {linux: ls}, interval: 60, " + ok)) ==
        "linewatch.yml:5:54: error: tasks[0].interval: a number without a unit (write 60s or 60m)\n");
  CHECK(folder.problems_of(with_task("commands: {linux: ls}, kind: ping, " + ok)) ==
        "linewatch.yml:5:50: error: tasks[0].kind: unknown word 'ping' (write command)\n");
  CHECK(folder.problems_of(with_task("commands: {linux: ls}, interval: 20s, " + ok)) == "");
  CHECK(folder.problems_of("tasks: [{name: ping}]\n")
            .find("tasks[0].name: 'ping' is built in (write another name)") != std::string::npos);
  CHECK(folder.problems_of(with_task("commands: {linux: ls}, interval: 20s, timeout: 30s, " + ok)) ==
        "linewatch.yml:5:68: warning: tasks[0].timeout: a run may take 30s, the interval is 20s\n");
  CHECK(folder.problems_of(
            with_task("commands: {linux: ls}, " + ok + "}, {name: bgp, commands: {linux: ls}, " + ok)) ==
        "linewatch.yml:5:108: error: tasks[1].name: there is a task 'bgp' already\n");
}

TEST_CASE("a command is one printable line, whatever YAML makes of it") {
  const auto problem = [](std::string_view command) {
    const tests::Folder folder;
    return said(folder.problems_of(
        with_task("commands: {linux: " + std::string(command) + "}, " + std::string(good_values))));
  };
  const std::string refused =
      "tasks[0].commands.linux: a command is one line of 1 to 400 octets without control characters\n";
  CHECK(problem("\"show bgp\\nreload\"") == refused);
  CHECK(problem("\"show bgp\\rreload\"") == refused);
  CHECK(problem("[show bgp, \"\\x03\"]") == refused);
  CHECK(problem("''") == refused);
  CHECK(problem("'" + std::string(401, 'x') + "'") == refused);
  CHECK(problem("'ls {tarjet}'") ==
        "tasks[0].commands.linux: no place {tarjet} is known (did you mean 'target'?)\n");
  CHECK(problem("'awk \"{print $1}\" ${home} {}'").empty());
}

TEST_CASE("patterns, their groups and item keys are checked") {
  CHECK(said(problems_of_value("{name: up, item: bgp.up}")) ==
        "tasks[0].values[0].find: missing (a pattern with a group of the value's name, or count: a pattern "
        "of the "
        "lines to count)\n");
  CHECK(said(problems_of_value("{name: up, item: bgp.up, find: '(?P<up>x)', count: x}")) ==
        "tasks[0].values[0].count: stands beside find (write one of them)\n");
  CHECK(said(problems_of_value("{name: up, item: bgp.up, find: '(x'}"))
            .find("no regular expression that RE2 reads") != std::string::npos);
  CHECK(said(problems_of_value("{name: up, item: bgp.up, find: '(?P<upp>x)'}")) ==
        "tasks[0].values[0].find: no group 'upp' is expected here (did you mean 'up'?)\n");
  CHECK(said(problems_of_value("{name: up, item: bgp.up, find: 'x'}")) ==
        "tasks[0].values[0].find: must have a group (?P<up>...)\n");
  CHECK(said(problems_of_value(
            "{name: up, item: bgp.up, find: '(?P<up>x)(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)'}")) ==
        "tasks[0].values[0].find: has more than 11 groups (write (?:...) for those that name nothing)\n");
  CHECK(
      said(problems_of_value("{name: up, item: bgp.up, find: {cisco_iosxe: '(?P<up>x)', h3c_comware: y}}")) ==
      "tasks[0].values[0].find.h3c_comware: no commands are given for a platform 'h3c_comware' (known: "
      "cisco_iosxe)\n");
  CHECK(
      said(problems_of_value("{name: up, item: bgp.up, count: {linux: x}}", "{linux: ls, frr: show bgp}")) ==
      "tasks[0].values[0].count: has no pattern for frr, which has commands (null: nothing to be found "
      "there)\n");
  CHECK(said(problems_of_value("{name: up, item: bgp up, count: x}")) ==
        "tasks[0].values[0].item: 'bgp up' can be no item key in Zabbix (as bgp.peers.up or "
        "bgp.peers[ipv4])\n");
  CHECK(said(problems_of_value("{name: up, item: 'bgp.up[a', count: x}")) ==
        "tasks[0].values[0].item: 'bgp.up[a' can be no item key in Zabbix (as bgp.peers.up or "
        "bgp.peers[ipv4])\n");
  CHECK(said(problems_of_value("{name: up, item: line.up, count: x}")) ==
        "tasks[0].values[0].item: 'line.up' is one of the agent's own item keys (these begin with line., "
        "lines., "
        "router., linewatch.)\n");
  CHECK(said(problems_of_value("{name: up, item: bgp.up, count: x}, {name: up, item: bgp.up, count: y}")) ==
        "tasks[0].values[1].name: duplicate name 'up'\n"
        "linewatch.yml:5:118: error: tasks[0].values[1].item: duplicate item 'bgp.up'\n");
  CHECK(said(problems_of_value("{name: 'up-1', item: bgp.up, count: x}")) ==
        "tasks[0].values[0].name: must be letters, digits and '_', as a pattern's group is named\n");
  CHECK(said(problems_of_value("{name: up, item: bgp.up, count: x, type: text}")) ==
        "tasks[0].values[0].type: a count is an integer\n");
  CHECK(said(problems_of_value("{name: up, item: bgp.up, find: '(?P<up>x)', type: text, factor: 2}")) ==
        "tasks[0].values[0].factor: has no meaning for a text\n");
  CHECK(said(problems_of_value("{name: up, item: bgp.up, count: x, factor: 0}")) ==
        "tasks[0].values[0].factor: 0 leaves nothing of the figure\n");
  CHECK(problems_of_value("{name: up, item: 'bgp.up[\"a]\",[b,c]]', count: x}").empty());
}

TEST_CASE("who names a task must be able to run it") {
  const tests::Folder folder;
  const std::string task =
      "zabbix: {servers: [10.0.0.5]}\n"
      "credentials: {c: {username: u, password: p}}\n"
      "tasks:\n"
      "  - {name: bgp, commands: {cisco_iosxe: show bgp}, values: [{name: up, item: bgp.up, count: x}]}\n"
      "  - {name: more, commands: {cisco_iosxe: show bgp}, values: [{name: up, item: bgp.up, count: x}]}\n"
      "  - {name: one, commands: {cisco_iosxe: 'show {source}'}, values: [{name: rx, item: rx, count: x}]}\n";
  const std::string router = "{name: r1, address: 192.0.2.1, platform: cisco_iosxe, credentials: c";
  const std::string line = "lines: [{id: L1, router: r1, target: 198.51.100.2";
  const auto problems = [&](const std::string& routers, const std::string& lines) {
    return folder.problems_of(task + "routers: [" + router + routers + "}]\n" + line + lines + "}]\n");
  };
  CHECK(problems(", tasks: [bpg, bgp, bgp, ping]", "") ==
        "linewatch.yml:7:89: error: routers[0].tasks[0]: there is no task 'bpg' (did you mean 'bgp'?)\n"
        "linewatch.yml:7:99: error: routers[0].tasks[2]: 'bgp' is named twice\n"
        "linewatch.yml:7:104: error: routers[0].tasks[3]: ping is no task beside others (a line's task is "
        "ping unless "
        "it says otherwise)\n");
  CHECK(problems(", tasks: [one]", "") ==
        "linewatch.yml:7:88: error: routers[0].tasks: task 'one' types {source}, which only a line has (name "
        "it in a "
        "line's tasks)\n");
  CHECK(problems(", tasks: [bgp, more]", "") ==
        "linewatch.yml:7:88: error: routers[0].tasks: item 'bgp.up' on host 'r1' is filled by task 'more' "
        "and by task "
        "'bgp' of router 'r1'\n");
  CHECK(problems("", ", tasks: one") ==
        "linewatch.yml:8:59: error: lines[0].tasks: task 'one': the line has no source for {source}\n");
  CHECK(problems("", ", source: 198.51.100.1, task: onne") ==
        "linewatch.yml:8:80: error: lines[0].task: there is no task 'onne' (did you mean 'one'?)\n");
  CHECK(problems("", ", source: 198.51.100.1, task: one, tasks: [one]") ==
        "linewatch.yml:8:92: error: lines[0].tasks: 'one' is the line's task already\n");
  CHECK(problems(", tasks: [bgp]", ", source: 198.51.100.1, tasks: [one, bgp]").empty());
  CHECK(folder.problems_of(
            task + "defaults: {router: {tasks: [bgp]}}\n"
                   "routers: [{name: h1, address: 192.0.2.1, platform: huawei_vrp, credentials: c}]\n") ==
        "linewatch.yml:8:11: error: routers[0].tasks: task 'bgp' has no commands for huawei_vrp, the "
        "platform of "
        "router 'h1'\n");
}

TEST_CASE("a place holds a line's data, and nothing that a router could take for more") {
  config::Line line;
  line.id = "L-1";
  line.target = "198.51.100.2";
  line.vrf = "CUST-A";
  line.labels = {{"port", "GigabitEthernet 0/0/1"}, {"bad", "x; reload"}, {"cr", "x\rreload"}};
  const auto command = [&](std::string_view text) { return config::task_command(text, line); };
  CHECK(command("show route vrf {vrf} {target} | {line}") == "show route vrf CUST-A 198.51.100.2 | L-1");
  CHECK(command("show int {label.port} x").value() == "show int GigabitEthernet 0/0/1 x");
  CHECK(command("awk '{print}' {target}").has_value() ==
        false);  // {print} is no place: refused by the loader
  CHECK(command("a {PRINT $1} ${x}{target}") == "a {PRINT $1} ${x}198.51.100.2");
  CHECK(command("show {source}").error() == "the line has no source for {source}");
  CHECK(command("show {label.bad}").error() ==
        "its label.bad is no address, host name or interface name, and is not typed");
  CHECK_FALSE(command("show {label.cr}").has_value());
}

TEST_CASE("an item of a line among others carries the line's id") {
  CHECK(config::line_item("optic.rx", "L-1") == "optic.rx[L-1]");
  CHECK(config::line_item("optic.rx[a,b]", "L-1") == "optic.rx[L-1,a,b]");
}

TEST_CASE("traces are asked for by a line or its defaults, and where they cannot be said that is said") {
  const tests::Folder folder;
  CHECK(folder.problems_of(tests::with_line("trace: {on_loss: true, at_most_every: 20m}")) == "");
  const config::Settings settings = folder.load().settings;
  CHECK(settings.line("L1")->trace.on_loss);
  CHECK(settings.line("L1")->trace.at_most_every == Duration(20 * 60'000));
  CHECK_FALSE(config::Line().trace.on_loss);
  CHECK(folder.problems_of(tests::with_line("trace: {on_los: true, at_most_every: 1s}")) ==
        "linewatch.yml:5:62: error: lines[0].trace.on_los: unknown key 'on_los' (did you mean 'on_loss'?)\n"
        "linewatch.yml:5:91: error: lines[0].trace.at_most_every: '1s' is out of range (write a duration "
        "from 1m to "
        "7d)\n");
  CHECK(folder.problems_of(tests::with_line("trace: {on_loss: true}, source: GigabitEthernet0/0/1", "h1")) ==
        "linewatch.yml:5:61: warning: lines[0].trace: huawei_vrp cannot say the source "
        "'GigabitEthernet0/0/1' in a "
        "traceroute: nothing is traced\n");
}
