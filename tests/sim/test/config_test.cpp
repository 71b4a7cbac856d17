#include <doctest/doctest.h>

#include "tests/sim/router/config_file.hpp"

using namespace linewatch::sim;
using namespace std::chrono_literals;

TEST_CASE("simulator configuration: defaults, counted routers, targets, faults") {
  const auto config = parse_config(R"(
defaults: {user: netmon, password: x, targets: {"*": {delay: 1ms}}}
routers:
  - {name: "r{n}", platform: huawei_vrp, count: 3, port: 4000}
  - name: odd
    platform: frr
    max_sessions: 5
    targets:
      198.51.100.2: {delay: 0.4ms, jitter: 100us, loss: 20%}
      far.example: {pattern: "!!.!!", address: 203.0.113.9}
    faults: {silent: command, sessions: 2}
)",
                                   ".");
  REQUIRE_MESSAGE(config.has_value(), config.error());
  REQUIRE(config->routers.size() == 4);
  CHECK(config->routers[2].name == "r3");
  CHECK(config->routers[2].port == 4002);
  const RouterConfig& odd = config->routers[3];
  CHECK(odd.password == "x");
  CHECK(odd.targets.at("*").delay == 1ms);
  CHECK(odd.targets.at("198.51.100.2").delay == 400us);
  CHECK(odd.targets.at("198.51.100.2").jitter == 100us);
  CHECK(odd.targets.at("198.51.100.2").loss == doctest::Approx(0.2));
  CHECK((odd.faults.silent == Faults::Silent::command));
  CHECK(odd.faults.sessions == 2);
}

TEST_CASE("simulator configuration: errors name their line") {
  CHECK(parse_config("routers:\n  - {name: a, colour: red}\n", ".").error() ==
        "line 2: router has no colour");
  CHECK(parse_config("routers:\n  - {platform: junos}\n", ".")
            .error()
            .starts_with("line 2: platform is one of"));
  CHECK(parse_config("routers:\n  - {login_delay: 5}\n", ".").error() ==
        "line 2: '5' is no time; write 12ms, 400us or 1.5s");
  CHECK(parse_config("routers:\n  - {port: many}\n", ".").error().starts_with("line 2: port of router"));
  CHECK(parse_config("routers: [\n", ".").error().starts_with("line "));
  CHECK(parse_config("{}", ".").error() == "routers: a list of routers is missing");
}

TEST_CASE("a target in the short form of the command line") {
  RouterConfig router;
  REQUIRE(add_target(router, "2001:db8::2,delay=12ms,loss=50%,pattern=!.").has_value());
  CHECK(router.targets.at("2001:db8::2").delay == 12ms);
  CHECK(router.targets.at("2001:db8::2").loss == doctest::Approx(0.5));
  CHECK(router.targets.at("2001:db8::2").pattern == "!.");
  REQUIRE(add_target(router, "1.1.1.1,no_route").has_value());
  CHECK(router.targets.at("1.1.1.1").no_route);
  CHECK(add_target(router, "1.1.1.1,delay=12").error().find("no time") != std::string::npos);
  CHECK(add_target(router, "1.1.1.1,colour=red").error().find("colour") != std::string::npos);
}
