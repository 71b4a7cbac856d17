#include <signal.h>

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
    case CommandName::platforms:
      return run_platforms(options);
    case CommandName::hostkey_scan:
    case CommandName::hostkey_accept:
    case CommandName::hostkey_forget:
      return run_hostkey(options);
  }
  return exit_bad_configuration;
}

}  // namespace

int main(int argc, char** argv) {
  // A router that goes away while it is written to is an error of that write, not the end of the program.
  signal(SIGPIPE, SIG_IGN);
  try {
    const auto parsed = linewatch::agent::parse_options(argc, argv);
    return parsed.leave ? parsed.exit_code : dispatch(parsed.options);
  } catch (const std::exception& bug) {
    std::fprintf(stderr, "linewatch: stopped by an unexpected error (please report it): %s\n", bug.what());
    return linewatch::agent::exit_not_done;
  }
}
