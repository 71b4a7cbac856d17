#include "config/loader.hpp"

#include <doctest/doctest.h>

#include "loading.hpp"

using namespace linewatch;
using namespace std::chrono_literals;

namespace {

// Every key there is, as the documentation shows them.
constexpr std::string_view everything = R"(agent:
  name: edge-mon-1
  threads: 1
  shard: 1/1
  state_dir: /var/lib/linewatch
  listen: 127.0.0.1:10055
  control_socket: /run/linewatch/control.sock
  stop_timeout: 8s
log: {level: info, format: text}
include: [conf.d/*.yml]
platforms_dir: platforms

zabbix:
  servers:
    - nodes: [10.0.0.5, "10.0.0.6:10051"]
  tls: {connect: psk, psk_identity: edge-mon-1, psk_file: psk.key}
  source_address: null
  compression: true
  batch_size: 250
  flush_interval: 5s
  buffer: {memory: 100000, disk: 1GiB, max_age: 7d, replay: in_order, synchronous: normal}
  layout: discovery
  discovery_hold: 2m
  keys: {}
  api:
    url: https://zabbix.example.net/api_jsonrpc.php
    token_file: api.token
    proxy: zabbix-proxy-01
    tag: {TempType: LINE}
    interval: 5m
    max_removal: 30%
    maintenance: measure

connection:
  connect_timeout: 30s
  read_timeout: 30s
  write_timeout: 10s
  health_check_timeout: 5s
  health_check_interval: 3m30s
  acquire_timeout: 60s
  max_connections: 2
  min_connections: 1
  max_waiters: 1000
  idle_timeout: 5m
  max_lifetime: 30m
  max_uses: 1500
  retry_max_attempts: 2
  retry_timeout: 30s
  backoff: {first: 1s, max: 5m}
  breaker: {failures: 5, cool_down: 1m}
  source_address: null
  total: {sessions: 5000, logins: 64, logins_per_second: 50}

host_keys: {policy: strict, known_hosts_file: known_hosts}
credentials:
  backbone:
    username: netmon
    password_file: secrets/backbone
    lockout: {rejections: 2, scope: account, retry: 15m}
defaults:
  router: {platform: cisco_iosxe, credentials: backbone}
  line: {interval: 3m, count: 5, timeout: 2s}
routers:
  - name: bj-edge-1
    address: 192.0.2.1
    port: 22
    platform: cisco_iosxe
    protocol: cli
    credentials: backbone
    jump: bastion
    legacy_ssh: false
    connection: {max_connections: 1}
    zabbix_host: bj-edge-1
    enabled: true
    defaults: {line: {interval: 60s}}
  - {name: bastion, address: bastion.example.net, platform: linux}
lines:
  - id: L-1001
    name: HQ - Shanghai 100M
    router: bj-edge-1
    target: 198.51.100.2
    family: 4
    resolve: router
    interval: 60s
    count: 5
    warmup: 0
    timeout: 2s
    size: 100
    df: false
    dscp: 0
    source: 198.51.100.1
    vrf: CUST-A
    confirm: {times: 0, after: 10s}
    task: ping
    zabbix_host: line-1001
    group: HQ-SH
    role: primary
    labels: {customer: acme}
    enabled: true
  - {id: L-1002, router: bj-edge-1, target: 198.51.100.6}
tasks: []
)";

void check_values(const config::Settings& settings) {
  CHECK(settings.agent.name == "edge-mon-1");
  CHECK(settings.agent.listen->port == 10055);
  REQUIRE(settings.zabbix.servers.size() == 1);
  CHECK(settings.zabbix.servers[0].nodes[1].host == "10.0.0.6");
  CHECK(settings.zabbix.servers[0].nodes[0].port == 10051);
  CHECK(settings.zabbix.servers[0].tls.connect == config::TlsSettings::Connect::psk);
  CHECK(settings.zabbix.buffer.disk == 1ULL << 30);
  CHECK(settings.zabbix.api->token->reveal() == "t0ken");
  CHECK(settings.zabbix.api->max_removal == 30);
  CHECK(settings.connection.health_check_interval == 210s);
  CHECK(settings.credentials.at("backbone").password->reveal() == "s3cret");
  const config::Router* router = settings.router("bj-edge-1");
  REQUIRE(router);
  CHECK(router->connection.max_connections == 1);
  CHECK(router->connection.max_uses == 1500);
  CHECK(router->jump == "bastion");
  CHECK(settings.router("bastion")->platform->name == "linux");
  CHECK(settings.router("bastion")->credentials == std::vector<std::string>{"backbone"});
  CHECK(settings.router("nobody") == nullptr);
  const config::Line* line = settings.line("L-1001");
  REQUIRE(line);
  CHECK(line->name == "HQ - Shanghai 100M");
  CHECK(line->size == 100);
  CHECK(line->zabbix_host == "line-1001");
  CHECK(line->labels.at("customer") == "acme");
  CHECK(line->role == "primary");
  CHECK(line->run_limit(*router->platform) == 15s);
  CHECK(settings.line("L-1002")->interval == 60s);  // its router's default
  CHECK(settings.line("L-1002")->zabbix_host == "bj-edge-1");
}

}  // namespace

TEST_CASE("every documented key loads, with warnings only") {
  const tests::Folder folder;
  folder.write("secrets/backbone", "s3cret\n");
  folder.write("psk.key", "00112233445566778899aabbccddeeff\n");
  folder.write("api.token", "t0ken\n");
  folder.write("known_hosts", "");
  std::filesystem::create_directory(folder.path() / "platforms");
  folder.write("linewatch.yml", everything);
  const config::Loaded loaded = folder.load();
  CHECK(loaded.ok());
  check_values(loaded.settings);
  CHECK(folder.problems(loaded).find(": error: ") == std::string::npos);
  CHECK(folder.problems(loaded).find("tls") == std::string::npos);
  CHECK(folder.problems(loaded).find("warmup") == std::string::npos);
}

TEST_CASE("the smallest configuration has the documented defaults") {
  const tests::Folder folder;
  CHECK(folder.problems_of(tests::with_line("")) == "");
  const config::Settings settings = folder.load().settings;
  CHECK_FALSE(settings.agent.name.empty());
  CHECK(settings.host_keys.known_hosts_file == folder.path() / "known_hosts");
  const config::Line& line = settings.lines.at(0);
  CHECK(line.interval == 180s);
  CHECK(line.count == 5);
  CHECK(line.timeout == 2s);
  CHECK_FALSE(line.size);
  CHECK(line.zabbix_host == "r1");
  CHECK(line.family == 4);
}

TEST_CASE("ids, names, VRFs and labels are text exactly as written") {
  const tests::Folder folder;
  CHECK(folder.problems_of(
            "zabbix: {servers: [10.0.0.5], layout: per_line}\n"
            "credentials: {0012: {username: 1e3, password: 0x10}}\n"
            "routers: [{name: on, address: 192.0.2.1, platform: cisco_iosxe, credentials: 0012}]\n"
            "lines: [{id: 0012, name: yes, router: on, target: 192.0.2.9, vrf: 100,\n"
            "         labels: {a: 1.50, b: null, c: off}}]\n") == "");
  const config::Settings settings = folder.load().settings;
  CHECK(settings.credentials.at("0012").username == "1e3");
  CHECK(settings.credentials.at("0012").password->reveal() == "0x10");
  CHECK(settings.routers.at(0).name == "on");
  const config::Line& line = settings.lines.at(0);
  CHECK(line.id == "0012");
  CHECK(line.name == "yes");
  CHECK(line.vrf == "100");
  CHECK(line.zabbix_host == "0012");
  CHECK(line.labels == std::map<std::string, std::string>{{"a", "1.50"}, {"b", ""}, {"c", "off"}});
}

TEST_CASE("defaults are laid over each other, and null takes one back") {
  const tests::Folder folder;
  CHECK(folder.problems_of(
            "zabbix: {servers: [10.0.0.5]}\n"
            "connection: {max_connections: 4, idle_timeout: 1m}\n"
            "credentials: {c: {username: u, password: p}}\n"
            "defaults:\n"
            "  router: {platform: cisco_iosxe, credentials: c, port: 2222, connection: {max_uses: 9}}\n"
            "  line: {interval: 3m, size: 200, vrf: A, labels: {x: 1, y: 1}}\n"
            "routers:\n"
            "  - {name: a, address: 192.0.2.1, connection: {max_connections: 1}}\n"
            "  - {name: b, address: 192.0.2.2, port: 22, defaults: {line: {interval: 1m, vrf: B}}}\n"
            "lines:\n"
            "  - {id: 1, router: a, target: 192.0.2.9}\n"
            "  - {id: 2, router: b, target: 192.0.2.9, size: null, labels: {y: 2}}\n"
            "  - {id: 3, router: b, target: 192.0.2.9, vrf: null, interval: 30s}\n") == "");
  const config::Settings s = folder.load().settings;
  CHECK(s.routers[0].port == 2222);
  CHECK(s.routers[0].connection.max_connections == 1);
  CHECK(s.routers[0].connection.max_uses == 9);
  CHECK(s.routers[0].connection.idle_timeout == 1min);
  CHECK(s.routers[1].port == 22);
  CHECK(s.routers[1].connection.max_connections == 4);
  CHECK(s.lines[0].interval == 3min);
  CHECK(s.lines[0].size == 200);
  CHECK(s.lines[0].vrf == "A");
  CHECK(s.lines[1].interval == 1min);
  CHECK_FALSE(s.lines[1].size);
  CHECK(s.lines[1].vrf == "B");
  CHECK(s.lines[1].labels == std::map<std::string, std::string>{{"x", "1"}, {"y", "2"}});
  CHECK(s.lines[2].vrf == "");
  CHECK(s.lines[2].interval == 30s);
}

TEST_CASE("the control socket is beside the file, at its default, or off") {
  const tests::Folder folder;
  const auto socket = [&](std::string_view agent) {
    folder.problems_of(std::string(agent) + std::string(tests::head));
    return folder.load().settings.agent.control_socket;
  };
  CHECK(socket("") == "/run/linewatch/control.sock");
  CHECK(socket("agent: {control_socket: run/c.sock}\n") == folder.path() / "run/c.sock");
  CHECK(socket("agent: {control_socket: null}\n").empty());
}

TEST_CASE("keys without effect are named where they are written, once each") {
  const tests::Folder folder;
  CHECK(folder.problems_of(
            "agent: {threads: 4, listen: 127.0.0.1:1}\n"
            "zabbix: {servers: [10.0.0.5], buffer: {disk: 1GiB, memory: 5}, keys: {loss: {key: k}}}\n"
            "connection: {breaker: {failures: 1}, total: {logins: 1}}\n"
            "credentials: {c: {username: u, password: p, agent: true, lockout: {retry: 1m}}}\n"
            "routers:\n"
            "  - {name: a, address: 192.0.2.1, platform: linux, credentials: c}\n"
            "  - {name: b, address: 192.0.2.2, platform: linux, credentials: c, jump: a, protocol: exec}\n"
            "lines: [{id: 1, router: b, target: 192.0.2.9, group: g, warmup: 1}]\n") ==
        "linewatch.yml:1:18: warning: agent.threads: has no effect yet in this version\n"
        "linewatch.yml:1:29: warning: agent.listen: has no effect yet in this version\n");
}

TEST_CASE("drop-ins are read in order and may hold three sections only") {
  const tests::Folder folder;
  folder.write("conf.d/10-a.yml",
               "credentials: {c: {username: u, password: p}}\n"
               "routers: [{name: a, address: 192.0.2.1, platform: linux, credentials: c}]\n");
  folder.write("conf.d/20-b.yml",
               "lines: [{id: 1, router: a, target: 192.0.2.9}, {id: 2, router: a, targt: x}]\n"
               "zabbix: {servers: [10.0.0.6]}\nrouter: []\n");
  folder.write("conf.d/ignored.txt", "nonsense");
  CHECK(folder.problems_of("include: [conf.d/*.yml, conf.d/10-*, none/*.yml, '*.yml', missing.yml]\n"
                           "zabbix: {servers: [10.0.0.5]}\n"
                           "lines: [{id: 1, router: a, target: 192.0.2.9}]\n") ==
        "linewatch.yml:1:10: error: include: there is no file 'missing.yml'\n"
        "conf.d/20-b.yml:1:14: error: lines[0].id: duplicate id '1' (first at linewatch.yml:3)\n"
        "conf.d/20-b.yml:1:48: error: lines[1].target: missing (write the far end's address or host name)\n"
        "conf.d/20-b.yml:1:67: error: lines[1].targt: unknown key 'targt' (did you mean 'target'?)\n"
        "conf.d/20-b.yml:2:1: error: zabbix: can't stand in an included file (write it in linewatch.yml; "
        "credentials, "
        "routers and lines may)\n"
        "conf.d/20-b.yml:3:1: error: router: unknown key 'router' (did you mean 'routers'?)\n");
}

TEST_CASE("an include pattern is bounded, and the folder's own name is no pattern") {
  const tests::Folder folder;
  std::string deep;
  for (int i = 0; i < 3000; ++i) deep += "*/";  // the C library's glob would run out of stack
  CHECK(folder.problems_of("include: ['" + deep + "']\nzabbix: {servers: [a]}\n")
            .find("the pattern is too long") != std::string::npos);
  folder.write("odd[1]*/d/a.yml", "router: []\n");
  folder.write("odd[1]*/linewatch.yml", "include: d/*.yml\nzabbix: {servers: [a]}\n");
  CHECK(
      folder.problems(folder.load("odd[1]*/linewatch.yml")).find("d/a.yml:1:1: error: router: unknown key") !=
      std::string::npos);
}

TEST_CASE("a drop-in that can't be read does not make its names dangle") {
  const tests::Folder folder;
  folder.write("conf.d/a.yml", "routers: [\n");
  const std::string said = folder.problems_of(
      "include: conf.d/*.yml\nzabbix: {servers: [10.0.0.5]}\n"
      "lines: [{id: 1, router: a, target: 192.0.2.9}]\n");
  CHECK(said.starts_with("conf.d/a.yml:"));
  CHECK(said.find('\n') == said.size() - 1);
}

TEST_CASE("a main file that can't be read is one problem") {
  const tests::Folder folder;
  CHECK(folder.problems(folder.load("none.yml")) ==
        "none.yml:1:1: error: cannot be read: No such file or directory\n");
  std::filesystem::create_directory(folder.path() / "d.yml");
  CHECK(folder.problems(folder.load("d.yml")) == "d.yml:1:1: error: cannot be read: Is a directory\n");
  CHECK_FALSE(config::load("/dev/zero").ok());
  CHECK(folder.problems_of("") ==
        "linewatch.yml:1:1: error: zabbix.servers: missing (no server to send to; write "
        "servers: [10.0.0.5])\n");
  CHECK(folder.problems_of("- a\n").starts_with(
      "linewatch.yml:1:1: error: must be a map (key: value), not a list\n"));
}

TEST_CASE("20,000 lines load, and 20,000 wrong names are all said") {
  const tests::Folder folder;
  std::string text(tests::head), wrong(tests::head);
  text += "lines:\n";
  wrong += "lines:\n";
  for (int i = 0; i < 20000; ++i) {
    const std::string number = std::to_string(i);
    text += "  - {id: L-" + number + ", router: r1, target: 198.51.100.2, vrf: V" + number + "}\n";
    wrong += "  - {id: L-" + number + ", router: r-" + number + ", target: 198.51.100.2}\n";
  }
  CHECK(folder.problems_of(text) == "");
  const config::Loaded loaded = folder.load();
  CHECK(loaded.settings.lines.size() == 20000);
  CHECK(loaded.settings.line("L-19999")->vrf == "V19999");
  folder.write("linewatch.yml", wrong);
  CHECK(folder.load().problems.size() == 20000);
}

TEST_CASE("fewer sessions in all than the routers keep is a warning") {
  const tests::Folder folder;
  const auto with_total = [&](int total) {
    return folder.problems_of(
        "zabbix: {servers: [10.0.0.5]}\nconnection: {total: {sessions: " + std::to_string(total) +
        "}}\n"
        "credentials: {c: {username: u, password: p}}\n"
        "defaults: {router: {platform: linux, credentials: c}}\n"
        "routers:\n"
        "  - {name: a, address: 192.0.2.1, connection: {min_connections: 0}}\n"
        "  - {name: b, address: 192.0.2.2, connection: {min_connections: 2}}\n"
        "lines: [{id: 1, router: b, target: 192.0.2.9}]\n");
  };
  CHECK(with_total(3) == "");
  CHECK(with_total(2).find(
            "connection.total.sessions: 2 sessions are fewer than the 3 that the routers keep") !=
        std::string::npos);
}
