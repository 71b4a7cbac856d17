#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "agent/commands.hpp"

namespace {

int dispatch(const linewatch::agent::Options& options) {
  using namespace linewatch::agent;
  switch (options.command) {
    case CommandName::run:
      return run_agent(options);
    case CommandName::check:
      return run_check(options);
    case CommandName::ping:
      return run_ping(options);
    case CommandName::parse:
      return run_parse(options);
    case CommandName::status:
      return run_status(options);
    case CommandName::pause:
    case CommandName::resume:
      return run_pause(options);
    case CommandName::reload:
      return run_reload(options);
    case CommandName::platforms:
      return run_platforms(options);
    case CommandName::discover:
      return run_discover(options);
    case CommandName::zabbix_template:
      return run_template(options);
    case CommandName::hostkey_scan:
    case CommandName::hostkey_accept:
    case CommandName::hostkey_forget:
      return run_hostkey(options);
  }
  return exit_bad_configuration;
}

// Is standard output a pipe that nobody reads any more?
bool reader_left() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  // A router that goes away while it is written to is an error of that write, not the end of the program.
  signal(SIGPIPE, SIG_IGN);
  // Passwords live in this process's memory; a core file would carry them away.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  try {
    const auto parsed = linewatch::agent::parse_options(argc, argv);
    const int code = parsed.leave ? parsed.exit_code : dispatch(parsed.options);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    if (reader_left()) return code;  // `| head` has what it wanted
    std::fprintf(stderr, "linewatch: not all could be written to standard output (is the disk full?)\n");
    return linewatch::agent::exit_not_done;
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "linewatch: stopped by an unexpected error (please report it): %s\n", bug.what());
    return linewatch::agent::exit_not_done;
  }
}
