#include <doctest/doctest.h>

#include "loading.hpp"

using namespace linewatch;

TEST_CASE("a file with everything wrong says everything at once") {
  const tests::Folder folder;
  folder.write("empty", "\n");
  CHECK(folder.problems_of(R"(agent: {name: x, threads: many, shard: 3/2, stop_timeout: 8, colour: red}
log: {level: loud}
zabbix:
  servers: [10.0.0.5, "10.0.0.5:10051", "10.0.0.6; a b", {nodes: []}]
  flush_interval: 5
  layout: per_lin
  batch_size: 0
  buffer: {disk: 5}
connection: {max_connections: 1, min_connections: 2, max_conections: 3, backoff: {first: 1h, max: 1m}}
host_keys: {policy: ask}
credentials:
  a: {username: u}
  b: {password: p, password_env: X}
  c: {username: u, password_file: none}
  d: {username: u, password_file: empty}
  e: {username: u, private_key_file: linewatch.yml}
defaults: {router: {platform: cisco_iosx}, lines: {}}
routers:
  - {name: r1, address: "1.2.3", platform: cisco_iosxe, credentials: a}
  - {name: r1, address: 192.0.2.1, platform: cisco_iosxe, credentials: aa}
  - {name: r3, address: 192.0.2.3, platform: huawei_vpr, credentials: [a, a], jump: r4, port: 70000}
  - {name: r4, address: 192.0.2.4, platform: cisco_iosxe, credentials: a, jump: r3}
  - {name: r5, address: 192.0.2.5, platform: cisco_iosxe, jump: r99}
  - r6
lines:
  - {id: "a b", router: r1, target: "8.8.8.8; reload"}
  - {id: x, router: r1x, target: 198.51.100.2, conut: 5}
  - {id: x, router: r1, target: 198.51.100.2, interval: 60, timeout: 0s, count: 0}
  - {id: y, router: r1, target: 198.51.100.2, family: 6}
  - {id: z, router: r1, target: "2001:db8::1", source: "a;b", vrf: "x y", dscp: 64, size: 20, role: third}
  - {id: w, router: r1, target: 198.51.100.2, task: pong, labels: {"a b": c}, enabled: on}
  - {id: v, target: 198.51.100.2, router: r1, interval: 5s}
route: []
)") ==
        R"(linewatch.yml:1:27: error: agent.threads: 'many' is no whole number (write one from 1 to 256)
linewatch.yml:1:40: error: agent.shard: '3/2' is no part of a whole (write 1/2 for the first of two)
linewatch.yml:1:59: error: agent.stop_timeout: a number without a unit (write 8s or 8m)
linewatch.yml:1:62: error: agent.colour: unknown key 'colour' (known: name, threads, shard, state_dir, listen, control_socket, stop_timeout)
linewatch.yml:2:14: error: log.level: unknown word 'loud' (write trace or debug or info or warn or error)
linewatch.yml:4:23: error: zabbix.servers[1]: '10.0.0.5:10051' stands here twice; it would get every value twice
linewatch.yml:4:41: error: zabbix.servers[2]: 'a b' is no address of a server (write 10.0.0.5, zabbix.example.net:10051 or [2001:db8::5]:10051)
linewatch.yml:4:66: error: zabbix.servers[3].nodes: is empty (write nodes: [10.0.0.5])
linewatch.yml:5:19: error: zabbix.flush_interval: a number without a unit (write 5s or 5m)
linewatch.yml:6:11: error: zabbix.layout: unknown word 'per_lin' (write discovery or per_line)
linewatch.yml:7:15: error: zabbix.batch_size: '0' is out of range (write a whole number from 1 to 100000)
linewatch.yml:8:18: error: zabbix.buffer.disk: a number without a unit (write 5MiB or 5B)
linewatch.yml:9:51: error: connection.min_connections: min_connections 2 is more than max_connections 1
linewatch.yml:9:54: error: connection.max_conections: unknown key 'max_conections' (did you mean 'max_connections'?)
linewatch.yml:9:90: error: connection.backoff.first: first 1h is more than max 1m
linewatch.yml:10:21: error: host_keys.policy: unknown word 'ask' (write strict or accept_new or off)
linewatch.yml:12:6: error: credentials.a: no way to log in (write password_file, password_env or private_key_file)
linewatch.yml:13:6: error: credentials.b.username: missing (write the account's name on the routers)
linewatch.yml:13:34: error: credentials.b.password_env: only one of password and password_env may be written
linewatch.yml:14:35: error: credentials.c.password_file: cannot read none: No such file or directory
linewatch.yml:15:35: error: credentials.d.password_file: empty is empty
linewatch.yml:16:38: error: credentials.e.private_key_file: linewatch.yml is no private key (its first line must begin with -----BEGIN)
linewatch.yml:17:31: error: defaults.router.platform: unknown platform 'cisco_iosx' (did you mean 'cisco_ios'?)
linewatch.yml:17:44: error: defaults.lines: unknown key 'lines' (did you mean 'line'?)
linewatch.yml:19:25: error: routers[0].address: '1.2.3' is not an address or a host name
linewatch.yml:20:12: error: routers[1].name: duplicate name 'r1' (first at linewatch.yml:19)
linewatch.yml:20:72: error: routers[1].credentials: there are no credentials 'aa' (known: a, b, c, d, e)
linewatch.yml:21:46: error: routers[2].platform: unknown platform 'huawei_vpr' (did you mean 'huawei_vrp'?)
linewatch.yml:21:71: error: routers[2].credentials: 'a' is named twice
linewatch.yml:21:85: error: routers[2].jump: the jumps go in a circle: r3 -> r4 -> r3
linewatch.yml:21:95: error: routers[2].port: '70000' is out of range (write a whole number from 1 to 65535)
linewatch.yml:23:5: error: routers[4].credentials: missing (write a name, or defaults.router.credentials)
linewatch.yml:23:65: error: routers[4].jump: there is no router 'r99' (known: r1, r1, r3, r4, r5)
linewatch.yml:24:5: error: routers[5]: must be a map (key: value), not a single value
linewatch.yml:26:10: error: lines[0].id: 'a b' is no line id (letters, digits . _ : - and at most 64 of them)
linewatch.yml:26:37: error: lines[0].target: '8.8.8.8; reload' is not an address or a host name
linewatch.yml:27:21: error: lines[1].router: there is no router 'r1x' (did you mean 'r1'?)
linewatch.yml:27:48: error: lines[1].conut: unknown key 'conut' (did you mean 'count'?)
linewatch.yml:28:10: error: lines[2].id: duplicate id 'x' (first at linewatch.yml:27)
linewatch.yml:28:57: error: lines[2].interval: a number without a unit (write 60s or 60m)
linewatch.yml:28:70: error: lines[2].timeout: '0s' is out of range (write a duration from 10ms to 1m)
linewatch.yml:28:81: error: lines[2].count: '0' is out of range (write a whole number from 1 to 1000)
linewatch.yml:29:55: error: lines[3].family: 6 does not fit the IPv4 address 198.51.100.2
linewatch.yml:30:56: error: lines[4].source: 'a;b' is not an address or an interface name
linewatch.yml:30:68: error: lines[4].vrf: 'x y' is no VRF name (letters, digits . : - _ and at most 64 of them)
linewatch.yml:30:81: error: lines[4].dscp: '64' is out of range (write a whole number from 0 to 63)
linewatch.yml:30:91: error: lines[4].size: '20' is out of range (write a whole number from 28 to 65535)
linewatch.yml:30:101: error: lines[4].role: unknown word 'third' (write primary or backup)
linewatch.yml:31:53: error: lines[5].task: there is no task 'pong' (did you mean 'ping'?)
linewatch.yml:31:75: error: lines[5].labels.a b: 'a b' is no label name (letters, digits . _ - and at most 64 of them)
linewatch.yml:31:88: error: lines[5].enabled: 'on' is neither true nor false (write one of these, without quotes)
linewatch.yml:32:57: warning: lines[6].interval: count 5 x timeout 2s may take 10s, interval is 5s
linewatch.yml:33:1: error: route: unknown key 'route' (known: include, log, agent, zabbix, connection, host_keys, platforms_dir, tasks, credentials, defaults, routers, lines)
)");
}

TEST_CASE("a run that can't end before its next turn is a warning in plain words") {
  const tests::Folder folder;
  CHECK(
      folder.problems_of(tests::with_line("interval: 5s")) ==
      "linewatch.yml:5:64: warning: lines[0].interval: count 5 x timeout 2s may take 10s, interval is 5s\n");
  CHECK(folder.problems_of(tests::with_line("interval: 11s")) == "");
  CHECK(folder.problems_of(tests::with_line("interval: 30s, warmup: 1, confirm: {times: 2, after: 1s}")) ==
        "linewatch.yml:5:64: warning: lines[0].interval: count 5 and warmup 1 x timeout 2s, confirmed 2 "
        "times, may "
        "take 37s, interval is 30s\n");
}

TEST_CASE("what a platform's ping can't say is an error at the line's key") {
  const tests::Folder folder;
  struct {
    const char *keys, *router, *target, *want;
  } const table[] = {
      {"timeout: 1500ms", "r1", "198.51.100.2",
       "lines[0].timeout: the ping of cisco_iosxe can't say a fraction of a second (write 1s or 2s in place "
       "of 1s500ms)"},
      {"timeout: 500ms", "r1", "198.51.100.2", "a fraction of a second (write 1s in place of 500ms)"},
      {"timeout: 1500ms", "h1", "198.51.100.2", ""},
      {"size: 20000", "r1", "198.51.100.2",
       "lines[0].size: out of range for the ping of cisco_iosxe, which takes"},
      {"source: '2001:db8::1'", "r1", "198.51.100.2",
       "lines[0].source: 2001:db8::1 does not fit a target of IPv4"},
      {"source: 192.0.2.9", "r1", "2001:db8::1", "lines[0].source: 192.0.2.9 does not fit a target of IPv6"},
      {"size: 47", "h1", "2001:db8::1",
       "lines[0].size: 47 is less than the 48 octets of the headers of an IPv6 ping"},
      {"size: 100, vrf: CUST-A, source: 192.0.2.9, df: true", "r1", "198.51.100.2", ""},
  };
  for (const auto& row : table) {
    INFO(row.keys);
    const std::string said = folder.problems_of(tests::with_line(row.keys, row.router, row.target));
    INFO(said);
    if (*row.want) {
      CHECK(said.find(row.want) != std::string::npos);
    } else {
      CHECK(said == "");
    }
  }
}

TEST_CASE("a default that a platform can't say is an error at each line it falls to") {
  const tests::Folder folder;
  const std::string said = folder.problems_of(tests::with_line("") + "defaults: {line: {timeout: 2500ms}}\n");
  CHECK(said ==
        "linewatch.yml:5:9: error: lines[0].timeout: the ping of cisco_iosxe can't say a fraction of a "
        "second (write 2s "
        "or 3s in place of 2s500ms)\n");
}

TEST_CASE("whatever would be more than a word on a router's command line is refused") {
  const tests::Folder folder;
  for (const char* evil : {"8.8.8.8; reload", "8.8.8.8\\nreload", "8.8.8.8 | append x", "$(reboot)", "`x`",
                           "a b", "-f", "8.8.8.8?", "\\x03", "1.2.3.4\\t", "::1%eth0", ".."}) {
    INFO(evil);
    for (const char* key : {"target", "source", "vrf"}) {
      std::string text(tests::head);
      text += "lines: [{id: L1, router: r1";
      if (std::string_view(key) != "target") text += ", target: 192.0.2.9";
      text += std::string(", ") + key + ": \"" + evil + "\"}]\n";
      if (std::string_view(key) == "vrf" && std::string_view(evil) == "1.2.3.400")
        continue;  // a fine VRF name
      folder.write("linewatch.yml", text);
      CHECK_FALSE(folder.load().ok());
    }
  }
}

TEST_CASE("two lines of one host in layout per_line would overwrite each other") {
  const tests::Folder folder;
  std::string text(tests::head);
  text.replace(text.find("]}"), 2, "], layout: per_line}");
  CHECK(folder.problems_of(text +
                           "lines:\n"
                           "  - {id: a, router: r1, target: 192.0.2.9}\n"
                           "  - {id: b, router: r1, target: 192.0.2.9, zabbix_host: a}\n"
                           "  - {id: c, router: r1, target: 192.0.2.9, zabbix_host: a, enabled: false}\n"
                           "  - {id: 'd:1', router: r1, target: 192.0.2.9}\n") ==
        "linewatch.yml:7:57: error: lines[1].zabbix_host: 'a' is the host of line 'a' too (layout per_line "
        "needs one for "
        "each)\n"
        "linewatch.yml:9:10: warning: lines[3].id: 'd:1' can be no host name in Zabbix (letters, digits, "
        "space . _ - are "
        "allowed there)\n");
}

TEST_CASE("jump circles and shared addresses are found") {
  const tests::Folder folder;
  const std::string said = folder.problems_of(
      "zabbix: {servers: [10.0.0.5]}\n"
      "credentials: {c: {username: u, password: p}}\n"
      "defaults: {router: {platform: linux, credentials: c, jump: b}}\n"
      "routers:\n"
      "  - {name: a, address: 192.0.2.1}\n"
      "  - {name: b, address: 192.0.2.2}\n"
      "  - {name: c, address: 192.0.2.1, jump: b}\n"
      "  - {name: d, address: 192.0.2.4, jump: null}\n");
  CHECK(said.find("6:5: error: routers[1].jump: the jumps go in a circle: b -> b\n") != std::string::npos);
  CHECK(said.find("7:24: warning: routers[2].address: 192.0.2.1 port 22 is router 'a' too; its sessions are "
                  "counted for "
                  "each of them\n") != std::string::npos);
  CHECK(said.find("routers[3]") == std::string::npos);
}
