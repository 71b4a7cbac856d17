#pragma once
// The commands of the program, one file each. Each takes the options and returns the exit code.

#include <memory>
#include <optional>

#include "agent/options.hpp"
#include "config/loader.hpp"

namespace linewatch::agent {

int run_check(const Options& options);
int run_agent(const Options& options);
int run_ping(const Options& options);
int run_parse(const Options& options);
int run_status(const Options& options);
int run_pause(const Options& options);  // and resume
int run_reload(const Options& options);
int run_platforms(const Options& options);
int run_hostkey(const Options& options);
int run_discover(const Options& options);
int run_template(const Options& options);

// Asks the running agent to reload, or ("diff") what that would change, and prints it. The exit code.
int ask_for_changes(const Options& options, const char* command);

// One sentence to standard error, and the exit code that goes with it.
int complain(const std::string& why, int code = exit_not_done);

// Loads the configuration, and the lines that the Zabbix API last gave, for a command that needs a good one:
// errors go to standard error, one a line; null then.
std::shared_ptr<const config::Settings> load_or_complain(const Options& options);
std::optional<config::Settings> load_files_or_complain(const Options& options);  // without the API's lines

// Where the running agent of this configuration can be asked. What else is wrong with the configuration does
// not matter here: the agent may well run with an earlier state of it. Null, and a word on standard error, if
// there is no such file or nothing in it could be read.
std::optional<std::filesystem::path> control_socket_of(const Options& options);

// The profiles of the site's own count where the configuration has them; without a configuration the built-in
// ones do. Null, and a word on standard error, if a file was named that is not there.
std::optional<config::Platforms> known_platforms(const Options& options);

}  // namespace linewatch::agent
