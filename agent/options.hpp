#pragma once
// The command line: which command, with which words. Parsed once in main; plain values afterwards.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/duration.hpp"

namespace linewatch::agent {

// Exit codes of every command (README, "Exit codes").
inline constexpr int exit_ok = 0;
inline constexpr int exit_line_down = 1;
inline constexpr int exit_not_done = 2;
inline constexpr int exit_bad_configuration = 3;

enum class CommandName {
  run,
  check,
  ping,
  parse,
  status,
  pause,
  resume,
  reload,
  hostkey_scan,
  hostkey_accept,
  hostkey_forget,
  platforms,
  discover,
  zabbix_template
};

struct Options {
  CommandName command = CommandName::run;
  std::filesystem::path config_file = "/etc/linewatch/linewatch.yml";
  bool config_given = false;       // -c was written
  std::vector<std::string> names;  // ping: lines; hostkey: routers
  bool all = false;                // ping, hostkey: every one
  bool diff = false;               // check: against the running agent
  bool json = false;               // ping, status, discover
  bool trace = false;              // ping
  bool alone = false;              // ping: not through the running agent
  std::string router;              // status: this one in detail; empty = all
  bool watch = false;              // status: again and again
  std::string name;                // pause, resume: a router or a line
  std::string kind;                // pause, resume: "router", "line", or empty: whichever has that name
  std::optional<config::Duration> length;  // pause: ends by itself after that
  std::string platform;                    // parse, platforms: empty = all of them
  std::string transcript_file;             // parse: empty or "-" = standard input
  bool list_commands = false;              // platforms --commands
  bool accept = false;                     // discover: the answer becomes the last plan
  std::string zabbix_version = "6.0";      // template --for: 6.0 or 7.0
};

// Fills `options`; otherwise the exit code to leave with (help and version print and leave with 0; a wrong
// command line says what is wrong in one sentence on standard error and leaves with 3).
struct ParsedOptions {
  Options options;
  bool leave = false;
  int exit_code = 0;
};
ParsedOptions parse_options(int argc, const char* const* argv);

}  // namespace linewatch::agent
