#include "config/api_lines.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "loading.hpp"

using namespace linewatch;
using config::ApiHost;
using config::ApiLines;
using namespace std::chrono_literals;

namespace {

// Lines 1 to 7: router r1 at 192.0.2.1 (a Cisco) with line L-1, h1 behind port 2222.
constexpr std::string_view files = R"(zabbix: {servers: [10.0.0.5], layout: per_line}
credentials: {c: {username: u, password: p}, d: {username: v, password: q}}
defaults: {router: {credentials: d}, line: {count: 3}}
routers:
  - {name: r1, address: 192.0.2.1, platform: cisco_iosxe, credentials: c, defaults: {line: {count: 7}}}
  - {name: h1, address: "2001:db8::1", port: 2222, platform: huawei_vrp}
lines: [{id: L-1, router: r1, target: 198.51.100.2}]
)";

struct World {
  tests::Folder folder;
  config::Settings settings;

  explicit World(std::string_view text = files) {
    folder.write("linewatch.yml", text);
    auto loaded = folder.load();
    REQUIRE_MESSAGE(loaded.ok(), folder.problems(loaded));
    settings = std::move(loaded.settings);
  }
  ApiLines lines(const std::vector<ApiHost>& hosts) const { return config::api_lines(settings, hosts); }

  // "host: reason" of each host left out, the folder's name cut off.
  std::string left_out(const std::vector<ApiHost>& hosts) const {
    std::string out;
    for (const config::ApiRemark& remark : lines(hosts).left_out)
      out += remark.host + ": " + remark.text + "\n";
    const std::string prefix = folder.path().string() + "/";
    for (std::size_t at; (at = out.find(prefix)) != std::string::npos;) out.erase(at, prefix.size());
    return out;
  }
};

using Macros = std::map<std::string, std::string>;

// Names are written without their {$LINE_ }.
ApiHost host(const std::string& name, const Macros& macros) {
  ApiHost out{.id = name, .host = name, .name = "Line " + name, .interface_address = "198.51.100.9"};
  for (const auto& [key, value] : macros) out.macros["{$LINE_" + key + "}"] = value;
  return out;
}

// On a router that no file knows, with all that it needs.
ApiHost own(const std::string& name, Macros macros = {}) {
  Macros all{{"ROUTER_IP", "192.0.2.77"}, {"ROUTER_PLATFORM", "cisco_iosxe"}};
  macros.merge(all);
  return host(name, macros);
}

}  // namespace

TEST_CASE("a host becomes a line on its own Zabbix host, with the documented defaults") {
  const World world;
  const ApiLines lines = world.lines({own("z-1")});
  REQUIRE(lines.lines.size() == 1);
  const config::Line& line = lines.lines[0];
  CHECK(line.id == "z-1");
  CHECK(line.name == "Line z-1");
  CHECK(line.zabbix_host == "z-1");
  CHECK(line.own_host);
  CHECK(line.target == "198.51.100.9");
  CHECK(line.interval == 180s);
  CHECK(line.count == 3);
  CHECK(line.enabled);
  REQUIRE(lines.routers.size() == 1);
  const config::Router& router = lines.routers[0];
  CHECK(line.router == "192.0.2.77");
  CHECK(router.name == "192.0.2.77");
  CHECK(router.port == 22);
  CHECK(router.platform->name == "cisco_iosxe");
  CHECK(router.protocol == config::Protocol::cli);
  CHECK(router.credentials == std::vector<std::string>{"d"});
  CHECK(lines.credentials.empty());
  CHECK(lines.left_out.empty());
}

TEST_CASE("every macro has its effect") {
  const World world;
  const ApiLines lines = world.lines({host("far-end", {{"ID", "L-7"},
                                                       {"CHECK_INTERVAL", "1m"},
                                                       {"TARGET", " 203.0.113.5 "},
                                                       {"ROUTER_IP", "edge.example.net"},
                                                       {"ROUTER_PORT", "2200"},
                                                       {"ROUTER_USERNAME", "netmon"},
                                                       {"ROUTER_PASSWORD", "s3c ret"},
                                                       {"ROUTER_PLATFORM", "cisco_iosxe"},
                                                       {"ROUTER_PROTOCOL", "scrapli-channel"},
                                                       {"VRF", "100"},
                                                       {"SOURCE", "198.51.100.1"},
                                                       {"COUNT", "4"},
                                                       {"TIMEOUT", "3"},
                                                       {"SIZE", "500"}})});
  REQUIRE(lines.lines.size() == 1);
  const config::Line& line = lines.lines[0];
  CHECK(line.id == "L-7");
  CHECK(line.interval == 60s);
  CHECK(line.target == "203.0.113.5");
  CHECK(line.vrf == "100");
  CHECK(line.source == "198.51.100.1");
  CHECK(line.count == 4);
  CHECK(line.timeout == 3s);
  CHECK(line.size == 500);
  CHECK(line.zabbix_host == "far-end");
  const config::Router& router = lines.routers.at(0);
  CHECK(router.name == "edge.example.net:2200");
  CHECK(router.address == "edge.example.net");
  CHECK(router.port == 2200);
  REQUIRE(router.credentials == std::vector<std::string>{"zabbix:netmon@edge.example.net:2200"});
  const config::Credential& credential = lines.credentials.at(router.credentials[0]);
  CHECK(credential.username == "netmon");
  CHECK(credential.password->reveal() == "s3c ret");
}

TEST_CASE("intervals are seconds or have a unit; protocols of other programs mean cli") {
  const World world;
  for (const auto& [text, seconds] : {std::pair("60", 60s), {"60s", 60s}, {"1m", 60s}, {"2m30s", 150s}}) {
    CHECK(world.lines({own("z", {{"CHECK_INTERVAL", text}})}).lines.at(0).interval == seconds);
  }
  for (const char* text : {"scrapli", "scrapli-channel", "ssh", "cli"})
    CHECK(world.lines({own("z", {{"ROUTER_PROTOCOL", text}})}).routers.at(0).protocol ==
          config::Protocol::cli);
  CHECK(world.lines({own("z", {{"ROUTER_PROTOCOL", "exec"}})}).routers.at(0).protocol ==
        config::Protocol::exec);
}

TEST_CASE("the target is the macro, else the name if it is an address, else the interface") {
  const World world;
  CHECK(world.lines({own("203.0.113.9", {{"TARGET", "203.0.113.5"}})}).lines.at(0).target == "203.0.113.5");
  CHECK(world.lines({own("203.0.113.9")}).lines.at(0).target == "203.0.113.9");
  CHECK(world.lines({own("z")}).lines.at(0).target == "198.51.100.9");
  ApiHost bare = own("z");
  bare.interface_address.clear();
  CHECK(world.left_out({bare}) ==
        "z: no target: {$LINE_TARGET} is not set, its name is no address and it has no interface\n");
}

TEST_CASE("what a file would be refused for, a host is left out for, and others are not touched") {
  const World world;
  ApiHost disabled = own("disabled");
  disabled.enabled = false;
  ApiHost secret = own("secret", {{"ROUTER_USERNAME", "netmon"}});
  secret.secret = {"{$LINE_ROUTER_PASSWORD}"};
  const std::vector<ApiHost> hosts{
      own("a b"),
      own("count", {{"COUNT", "five"}, {"TIMEOUT", "soon"}}),
      disabled,
      own("good"),
      own("interval", {{"CHECK_INTERVAL", "0"}}),
      own("macro", {{"TARGET", "{HOST.IP}"}}),
      own("nested", {{"VRF", "{$OTHER:ctx}"}}),
      host("no-router", {}),
      own("no-password", {{"ROUTER_USERNAME", "netmon"}}),
      own("no-user", {{"ROUTER_PASSWORD", "s3cret"}}),
      own("platform", {{"ROUTER_PLATFORM", "cisco_iosxee"}}),
      own("port", {{"ROUTER_PORT", "70000"}}),
      own("protocol", {{"ROUTER_PROTOCOL", "netconf"}}),
      own("router", {{"ROUTER_IP", "192.0.2.7;reload"}}),
      host("router-name", {{"ROUTER", "r9"}}),
      secret,
      own("source", {{"SOURCE", "a;b"}}),
      own("target", {{"TARGET", "8.8.8.8; reload"}}),
      own("unknown-credentials", {{"ROUTER_CREDENTIALS", "e"}}),
      own("vrf", {{"VRF", "x y"}}),
  };
  CHECK(
      world.left_out(hosts) ==
      R"(a b: {$LINE_ID} is not set, and the host's name: 'a b' is no line id (letters, digits . _ : - and at most 64 of them)
count: {$LINE_COUNT}: 'five' is no whole number (write one from 1 to 1000); {$LINE_TIMEOUT}: 'soon' is no duration (write one like 500ms, 30s, 3m30s or 7d)
disabled: the host is disabled in Zabbix
interval: {$LINE_CHECK_INTERVAL}: '0s' is out of range (write a duration from 1s to 1d)
macro: {$LINE_TARGET} still holds a macro in its value, which is not resolved here (write the value itself)
nested: {$LINE_VRF} still holds a macro in its value, which is not resolved here (write the value itself)
no-password: {$LINE_ROUTER_USERNAME} is set and {$LINE_ROUTER_PASSWORD} is not
no-router: neither {$LINE_ROUTER} nor {$LINE_ROUTER_IP} is set on the host, on a template of it that this account may read, or globally
no-user: {$LINE_ROUTER_PASSWORD} is set and {$LINE_ROUTER_USERNAME} is not
platform: {$LINE_ROUTER_PLATFORM}: unknown platform 'cisco_iosxee' (did you mean 'cisco_iosxe'?)
port: {$LINE_ROUTER_PORT}: '70000' is out of range (write a whole number from 1 to 65535)
protocol: {$LINE_ROUTER_PROTOCOL}: 'netconf' is not served (write ssh, cli or exec)
router: {$LINE_ROUTER_IP}: '192.0.2.7;reload' is not an address or a host name
router-name: {$LINE_ROUTER}: there is no router 'r9' (did you mean 'r1'?)
secret: the value of {$LINE_ROUTER_PASSWORD} is secret, which the API does not show (name an entry of `credentials` in {$LINE_ROUTER_CREDENTIALS})
source: {$LINE_SOURCE}: 'a;b' is not an address or an interface name
target: {$LINE_TARGET}: '8.8.8.8; reload' is not an address or a host name
unknown-credentials: {$LINE_ROUTER_CREDENTIALS}: there are no credentials 'e' (known: c, d)
vrf: {$LINE_VRF}: 'x y' is no VRF name (letters, digits . : - _ and at most 64 of them)
)");
  const ApiLines lines = world.lines(hosts);
  REQUIRE(lines.lines.size() == 1);
  CHECK(lines.lines[0].id == "good");
  CHECK(lines.routers.size() == 1);
}

TEST_CASE("what the platform cannot say is a reason") {
  const World world;
  CHECK(world.left_out({own("fraction", {{"TIMEOUT", "2500ms"}})}) ==
        "fraction: {$LINE_TIMEOUT}: the ping of cisco_iosxe can't say a fraction of a second (write 2s or 3s "
        "in "
        "place of 2s500ms)\n");
  CHECK(world.left_out({own("vrf", {{"ROUTER_PLATFORM", "fortios"}, {"VRF", "A"}})}).find("{$LINE_VRF}") !=
        std::string::npos);
}

TEST_CASE("a run that cannot end before its next turn is a warning") {
  const ApiLines lines = World().lines({own("z", {{"CHECK_INTERVAL", "5"}, {"COUNT", "5"}})});
  REQUIRE(lines.warnings.size() == 1);
  CHECK(lines.warnings[0].host == "z");
  CHECK(lines.warnings[0].text ==
        "{$LINE_CHECK_INTERVAL}: count 5 x timeout 2s may take 10s, interval is 5s");
}

TEST_CASE("a secret password is answered by named credentials") {
  ApiHost secret = own("z", {{"ROUTER_USERNAME", "netmon"}, {"ROUTER_CREDENTIALS", "c"}});
  secret.secret = {"{$LINE_ROUTER_PASSWORD}"};
  const ApiLines lines = World().lines({secret});
  REQUIRE(lines.routers.size() == 1);
  CHECK(lines.routers[0].credentials == std::vector<std::string>{"c"});
  CHECK(lines.credentials.empty());
}

TEST_CASE("a router of the files, by name or by its address") {
  const World world;
  for (const ApiHost& at :
       {host("z", {{"ROUTER", "r1"}, {"ROUTER_IP", "bad address"}}), host("z", {{"ROUTER_IP", "192.0.2.1"}}),
        host("z", {{"ROUTER_IP", "192.0.2.1"},
                   {"ROUTER_PLATFORM", "cisco_iosxe"},
                   {"ROUTER_PROTOCOL", "ssh"},
                   {"ROUTER_USERNAME", "u"},
                   {"ROUTER_PASSWORD", "p"}}),
        host("z", {{"ROUTER_IP", "192.0.2.1"}, {"ROUTER_CREDENTIALS", "c"}})}) {
    const ApiLines lines = world.lines({at});
    REQUIRE(lines.lines.size() == 1);
    CHECK(lines.lines[0].router == "r1");
    CHECK(lines.lines[0].count == 7);  // that router's own default
    CHECK(lines.routers.empty());
    CHECK(lines.credentials.empty());
  }
  const auto other_spelling = host("z", {{"ROUTER_IP", "2001:DB8:0::1"}, {"ROUTER_PORT", "2222"}});
  CHECK(world.lines({other_spelling}).lines.at(0).router == "h1");
}

TEST_CASE("a router of the files is found behind its jump host, too; one of several has to be named") {
  const World world(R"(zabbix: {servers: [10.0.0.5]}
credentials: {c: {username: u, password: p}}
defaults: {router: {platform: cisco_iosxe, credentials: c}}
routers:
  - {name: j1, address: 192.0.2.201}
  - {name: j2, address: 192.0.2.202}
  - {name: behind, address: 192.0.2.1, jump: j1}
  - {name: a, address: 10.0.0.1, jump: j1}
  - {name: b, address: 10.0.0.1, jump: j2}
)");
  CHECK(world.lines({host("z", {{"ROUTER_IP", "192.0.2.1"}})}).lines.at(0).router == "behind");
  CHECK(world.left_out({host("z", {{"ROUTER_IP", "10.0.0.1"}})}) ==
        "z: {$LINE_ROUTER_IP}: both router 'a' and router 'b' have that address (name one in "
        "{$LINE_ROUTER})\n");
}

TEST_CASE("a host that contradicts a router of the files is left out, with the place") {
  const World world;
  const Macros at{{"ROUTER_IP", "192.0.2.1"}};
  const auto with = [&](const std::string& name, Macros macros) {
    macros.insert(at.begin(), at.end());
    return host(name, macros);
  };
  CHECK(
      world.left_out({with("a", {{"ROUTER_PLATFORM", "huawei_vrp"}}),
                      with("b", {{"ROUTER_PROTOCOL", "exec"}}), with("c", {{"ROUTER_CREDENTIALS", "d"}}),
                      with("e", {{"ROUTER_USERNAME", "u"}, {"ROUTER_PASSWORD", "other"}})}) ==
      R"(a: {$LINE_ROUTER_PLATFORM} 'huawei_vrp' does not fit router 'r1' of linewatch.yml:5:5, which has the same address
b: {$LINE_ROUTER_PROTOCOL} 'exec' does not fit router 'r1' of linewatch.yml:5:5, which has the same address
c: {$LINE_ROUTER_CREDENTIALS} 'd' does not fit router 'r1' of linewatch.yml:5:5, which has the same address
e: the account of {$LINE_ROUTER_USERNAME} does not fit router 'r1' of linewatch.yml:5:5, which has the same address
)");
}

TEST_CASE("one address is one router; who contradicts most of its hosts is named") {
  const World world;
  const std::vector<ApiHost> hosts{own("a", {{"ROUTER_PLATFORM", "huawei_vrp"}}),
                                   own("b"),
                                   own("c"),
                                   host("d", {{"ROUTER_IP", "192.0.2.77"}}),
                                   own("e", {{"ROUTER_USERNAME", "n"}, {"ROUTER_PASSWORD", "one"}}),
                                   own("f", {{"ROUTER_USERNAME", "n"}, {"ROUTER_PASSWORD", "two"}}),
                                   own("other-port", {{"ROUTER_PORT", "2200"}})};
  const ApiLines lines = world.lines(hosts);
  CHECK(lines.routers.size() == 2);
  REQUIRE(lines.lines.size() == 5);
  CHECK(lines.lines[2].id == "d");
  CHECK(lines.lines[2].router == "192.0.2.77");
  CHECK(lines.lines[4].router == "192.0.2.77:2200");
  CHECK(lines.credentials.size() == 1);
  const std::string left_out = world.left_out(hosts);
  CHECK(left_out ==
        "a: {$LINE_ROUTER_PLATFORM} 'huawei_vrp' contradicts {$LINE_ROUTER_PLATFORM} 'cisco_iosxe' of Zabbix "
        "host "
        "'b' (one address is one router)\n"
        "f: the account of {$LINE_ROUTER_USERNAME} contradicts the account of {$LINE_ROUTER_USERNAME} of "
        "Zabbix "
        "host 'e' (one address is one router)\n");
}

TEST_CASE("an id that a file or another host has is a clash, with both places") {
  const World world;
  CHECK(world.left_out({own("z", {{"ID", "L-1"}}), own("x", {{"ID", "L-2"}}), own("y", {{"ID", "L-2"}})}) ==
        "y: {$LINE_ID}: 'L-2' is the id of a line of Zabbix host 'x' too\n"
        "z: {$LINE_ID}: 'L-1' is the id of a line of linewatch.yml:7:9 too\n");
  CHECK(
      world.left_out({own("L-1", {{"ID", "other"}})}) ==
      "L-1: line 'L-1' of linewatch.yml:7:9 reports to this host too (layout per_line needs one for each)\n");
}

TEST_CASE("a router's name that a file has for another address is a clash") {
  const World world(R"(zabbix: {servers: [10.0.0.5]}
credentials: {c: {username: u, password: p}}
routers: [{name: 192.0.2.77, address: 192.0.2.78, platform: cisco_iosxe, credentials: c}]
)");
  CHECK(world.left_out({own("z", {{"ROUTER_CREDENTIALS", "c"}})}) ==
        "z: router '192.0.2.77' of linewatch.yml:3:11 has that name and another address\n");
}

TEST_CASE("a router without platform or credentials anywhere is no router") {
  const World world("zabbix: {servers: [10.0.0.5]}\ncredentials: {c: {username: u, password: p}}\n");
  CHECK(world.left_out({host("z", {{"ROUTER_IP", "192.0.2.5"}})}) ==
        "z: {$LINE_ROUTER_PLATFORM} is not set (and there is no defaults.router.platform)\n");
  CHECK(world.left_out({own("z")}) ==
        "z: neither {$LINE_ROUTER_CREDENTIALS} nor {$LINE_ROUTER_USERNAME} is set (and there is no "
        "defaults.router.credentials)\n");
}

TEST_CASE("a host in maintenance is measured, or its line is there and rests, as configured") {
  World world;
  ApiHost resting = own("z");
  resting.maintenance = true;
  CHECK(world.lines({resting}).lines.at(0).enabled);
  world.settings.zabbix.api.emplace().maintenance = config::ApiSettings::Maintenance::pause;
  CHECK_FALSE(world.lines({resting}).lines.at(0).enabled);
  CHECK(world.lines({own("z")}).lines.at(0).enabled);
}

TEST_CASE("a router that all its hosts gave up is not there, nor its account") {
  const ApiLines lines =
      World().lines({own("z", {{"TARGET", "-f"}, {"ROUTER_USERNAME", "n"}, {"ROUTER_PASSWORD", "one"}})});
  CHECK(lines.routers.empty());
  CHECK(lines.credentials.empty());
  CHECK(lines.left_out.size() == 1);
}

TEST_CASE("lines from the API stand behind those of the files and are found by name") {
  World world;
  config::add(world.settings,
              world.lines({own("z", {{"ROUTER_USERNAME", "n"}, {"ROUTER_PASSWORD", "one"}})}));
  REQUIRE(world.settings.line("z"));
  CHECK(world.settings.lines.front().id == "L-1");
  CHECK(world.settings.router(world.settings.line("z")->router)->address == "192.0.2.77");
  CHECK(world.settings.credentials.contains("zabbix:n@192.0.2.77"));
}

TEST_CASE("the same hosts in any order give the same lines") {
  const World world;
  std::vector<ApiHost> hosts{own("a", {{"ID", "same"}}), own("b", {{"ID", "same"}}),
                             own("c", {{"ROUTER_PLATFORM", "huawei_vrp"}})};
  const std::string first = world.left_out(hosts);
  std::ranges::reverse(hosts);
  CHECK(world.left_out(hosts) == first);
}
