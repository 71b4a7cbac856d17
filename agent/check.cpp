#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "agent/commands.hpp"
#include "agent/routers.hpp"

namespace linewatch::agent {

namespace {

void say(const Options& options, config::Problem::Severity severity, std::string path, std::string text) {
  config::Problem problem;
  problem.file = options.config_file.string();
  problem.line = problem.column = 1;
  problem.severity = severity;
  problem.path = std::move(path);
  problem.text = std::move(text);
  std::puts(problem.format().c_str());
}

// What a run needs besides its settings: host keys that can be read, and a place to keep what it learns.
bool check_surroundings(const Options& options, const config::Settings& settings) {
  connection::HostKeys keys(settings.host_keys, learned_host_keys_file(settings));
  if (const auto read = keys.load(); !read) {
    say(options, config::Problem::Severity::error, "host_keys", read.error().text);
    return false;
  }
  std::filesystem::path place = std::filesystem::absolute(settings.agent.state_dir);
  while (!std::filesystem::exists(place) && place.has_relative_path()) place = place.parent_path();
  if (access(place.c_str(), W_OK) != 0) {
    say(options, config::Problem::Severity::warning, "agent.state_dir",
        settings.agent.state_dir.string() + " cannot be written by this user: " + std::strerror(errno));
  }
  return true;
}

}  // namespace

int run_check(const Options& options) {
  const config::Loaded loaded = config::load(options.config_file);
  for (const config::Problem& problem : loaded.problems) std::puts(problem.format().c_str());
  if (!loaded.ok() || !check_surroundings(options, loaded.settings)) return exit_bad_configuration;
  return options.diff ? ask_for_changes(options, "diff") : exit_ok;
}

}  // namespace linewatch::agent
