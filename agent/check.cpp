#include <cstdio>

#include "agent/commands.hpp"

namespace linewatch::agent {

int run_check(const Options& options) {
  const config::Loaded loaded = config::load(options.config_file);
  for (const config::Problem& problem : loaded.problems) std::puts(problem.format().c_str());
  return loaded.ok() ? exit_ok : exit_bad_configuration;
}

}  // namespace linewatch::agent
