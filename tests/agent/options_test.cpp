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
