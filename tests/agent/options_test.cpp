#include "agent/options.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <vector>

using namespace linewatch::agent;

namespace {

ParsedOptions parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv{"linewatch"};
  argv.insert(argv.end(), words);
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

}  // namespace

TEST_CASE("the configuration file may be named before or after a command's words") {
  for (const auto& parsed : {parse({"-c", "a.yml", "ping", "L-1"}), parse({"ping", "L-1", "-c", "a.yml"}),
                             parse({"ping", "-c", "a.yml", "L-1"})}) {
    CHECK_FALSE(parsed.leave);
    CHECK(parsed.options.command == CommandName::ping);
    CHECK(parsed.options.config_file == "a.yml");
    CHECK(parsed.options.names == std::vector<std::string>{"L-1"});
  }
  CHECK(parse({"check"}).options.config_file == "/etc/linewatch/linewatch.yml");
}

TEST_CASE("every command is understood") {
  CHECK(parse({"run"}).options.command == CommandName::run);
  CHECK(parse({"check"}).options.command == CommandName::check);
  CHECK(parse({"parse", "cisco_iosxe", "-"}).options.platform == "cisco_iosxe");
  CHECK(parse({"platforms"}).options.command == CommandName::platforms);
  CHECK(parse({"hostkey", "scan", "--all"}).options.command == CommandName::hostkey_scan);
  CHECK(parse({"hostkey", "accept", "r1"}).options.command == CommandName::hostkey_accept);
  CHECK(parse({"hostkey", "forget", "r1", "r2"}).options.names.size() == 2);
  CHECK(parse({"discover"}).options.command == CommandName::discover);
  CHECK_FALSE(parse({"discover", "--json"}).options.accept);
  CHECK(parse({"template"}).options.command == CommandName::zabbix_template);
  CHECK(parse({"template"}).options.zabbix_version == "6.0");
  CHECK(parse({"template", "--for", "7.0"}).options.zabbix_version == "7.0");
  CHECK(parse({"template", "--for", "5.0"}).exit_code == exit_bad_configuration);
  CHECK(parse({"discover", "--accept"}).options.accept);
  CHECK(parse({"ping", "--all", "--json", "--trace", "--alone"}).options.json);
}

TEST_CASE("a wrong command line leaves with 3, help and version with 0") {
  for (const auto& parsed :
       {parse({}), parse({"frobnicate"}), parse({"ping"}), parse({"ping", "L-1", "--all"}),
        parse({"ping", "--jsn", "L-1"}), parse({"hostkey"}), parse({"hostkey", "scan"}), parse({"parse"}),
        parse({"run", "extra"}), parse({"-c"})}) {
    CHECK(parsed.leave);
    CHECK(parsed.exit_code == exit_bad_configuration);
  }
  for (const auto& parsed :
       {parse({"--help"}), parse({"ping", "--help"}), parse({"--version"}), parse({"run", "--version"})}) {
    CHECK(parsed.leave);
    CHECK(parsed.exit_code == exit_ok);
  }
}

TEST_CASE("status, pause and resume have their words") {
  const auto status = parse({"status", "--json", "--router", "r1", "--watch"}).options;
  CHECK(status.command == CommandName::status);
  CHECK(status.router == "r1");
  CHECK(status.json);
  CHECK(status.watch);
  const auto pause = parse({"pause", "L-1", "1h30m", "--line"}).options;
  CHECK(pause.command == CommandName::pause);
  CHECK(pause.name == "L-1");
  CHECK(pause.kind == "line");
  CHECK(pause.length == std::chrono::minutes(90));
  CHECK_FALSE(parse({"pause", "r1"}).options.length);
  CHECK(parse({"resume", "r1", "--router"}).options.kind == "router");
  for (const auto& wrong : {parse({"pause"}), parse({"pause", "r1", "90"}), parse({"pause", "r1", "0s"}),
                            parse({"resume", "r1", "1h"}), parse({"status", "r1"})}) {
    CHECK(wrong.leave);
    CHECK(wrong.exit_code == exit_bad_configuration);
  }
}
