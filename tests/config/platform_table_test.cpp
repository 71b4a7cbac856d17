// docs/platforms.md is made from the built-in profiles. To write it anew: LINEWATCH_WRITE_DOCS=1 test_config

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/loader.hpp"

using namespace linewatch::config;

namespace {

using Option = std::optional<PingOption> PingSyntax::*;

// "yes", "IPv4" or "IPv6" where only one of both can say it, "-".
std::string can(const PingProfile& ping, Option option) {
  const bool four = ping.ipv4 && (*ping.ipv4).*option;
  const bool six = ping.ipv6 && (*ping.ipv6).*option;
  if (four && (six || !ping.ipv6)) return "yes";
  return four ? "IPv4" : six ? "IPv6" : "-";
}

std::string timeout(const PingProfile& ping) {
  if (!ping.ipv4->timeout) return "agent";
  const PingOption& option = *ping.ipv4->timeout;
  const std::string most = option.max && *option.max <= 3600 && option.unit == PingOption::Unit::seconds
                               ? fmt::format(", up to {:g}", *option.max)
                               : "";
  if (option.unit == PingOption::Unit::milliseconds) return "ms";
  return option.fraction ? "s, with decimals" : "s" + most;
}

std::string size(const PingProfile& ping) {
  if (!ping.ipv4->size) return "-";
  const int least = ping.ipv4->size->headers_left_out(false);
  return fmt::format("{:g}..{:g}", std::max(ping.ipv4->size->min.value_or(0) + least, 28.0),
                     std::min(ping.ipv4->size->max.value_or(65535) + least, 65535.0));
}

std::string source(const PingProfile& ping) {
  const std::string address = can(ping, &PingSyntax::source),
                    interface = can(ping, &PingSyntax::source_interface);
  if (interface == "-")
    return address == "-" ? "-" : address == "yes" ? "address" : "address (" + address + ")";
  if (address == "-") return "interface";
  return interface == "yes" ? "both" : "address; interface (" + interface + ")";
}

std::string rights(const Platform& platform) {
  if (!platform.cli.enable) return "-";
  return platform.ping.unprivileged_ipv4 ? "`" + platform.cli.enable->command + "`; plain ping without"
                                         : "`" + platform.cli.enable->command + "`";
}

std::string times(const PingAnswer& answer) {
  return !answer.replies.empty() ? "yes" : "-";
}

std::string trace(const TracerouteProfile& traceroute) {
  if (traceroute.ipv4.empty()) return "-";
  return traceroute.ipv6.empty() ? "IPv4" : "yes";
}

std::string table() {
  std::string text =
      "# Platforms\n\n"
      "What the built-in platforms can say and print. Made from the profiles in `config/platforms` by a "
      "test\n"
      "(`LINEWATCH_WRITE_DOCS=1 test_config` writes it anew); `linewatch platforms NAME` shows a profile.\n\n"
      "*agent*: the platform has no word for it, the agent imposes it. *size*: octets of the whole IPv4 "
      "packet. *each time*:\n"
      "the platform prints every probe's round trip time. *trace*: a line that turns bad can be traced. "
      "*rights*: how a session without rights is given "
      "them, by the\n"
      "credential's `enable_password`; and whether it can ping without. A wish with `-` is an error of "
      "`linewatch check`.\n\n"
      "| platform | other names | count | timeout | size | source | vrf | df | dscp | each time | trace | "
      "rights |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  const Platforms platforms = builtin_platforms();
  for (const std::string& name : platforms.names()) {
    const auto platform = platforms.find(name);
    const PingProfile& ping = platform->ping;
    text += fmt::format("| `{}`: {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", name,
                        platform->description, fmt::join(platform->aliases, ", "),
                        ping.ipv4->count ? "yes" : "agent", timeout(ping), size(ping), source(ping),
                        can(ping, &PingSyntax::vrf), can(ping, &PingSyntax::df), can(ping, &PingSyntax::dscp),
                        times(ping.answer), trace(platform->traceroute), rights(*platform));
  }
  return text;
}

}  // namespace

TEST_CASE("the docs say what the built-in platforms can do") {
  const auto file = std::filesystem::path(LINEWATCH_SOURCE_DIR) / "docs" / "platforms.md";
  if (std::getenv("LINEWATCH_WRITE_DOCS")) std::ofstream(file) << table();
  std::ifstream stream(file);
  std::ostringstream written;
  written << stream.rdbuf();
  INFO("docs/platforms.md is not what the profiles say; LINEWATCH_WRITE_DOCS=1 test_config writes it anew");
  CHECK(written.str() == table());
}
