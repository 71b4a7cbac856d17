#include <cstdio>

#include "agent/commands.hpp"

namespace linewatch::agent {

int complain(const std::string& why, int code) {
  std::fprintf(stderr, "linewatch: %s\n", why.c_str());
  return code;
}

std::shared_ptr<const config::Settings> load_or_complain(const Options& options) {
  config::Loaded loaded = config::load(options.config_file);
  if (loaded.ok()) return std::make_shared<const config::Settings>(std::move(loaded.settings));
  for (const config::Problem& problem : loaded.problems) {
    if (problem.severity == config::Problem::Severity::error)
      std::fprintf(stderr, "%s\n", problem.format().c_str());
  }
  return nullptr;
}

std::optional<std::filesystem::path> control_socket_of(const Options& options) {
  const config::Loaded loaded = config::load(options.config_file);
  // Where the main file could be read, the agent has a name, if only its host's.
  if (!loaded.settings.agent.name.empty()) return loaded.settings.agent.control_socket;
  for (const config::Problem& problem : loaded.problems)
    std::fprintf(stderr, "%s\n", problem.format().c_str());
  return std::nullopt;
}

std::optional<config::Platforms> known_platforms(const Options& options) {
  config::Platforms builtin = config::builtin_platforms();
  if (!std::filesystem::exists(options.config_file)) {
    if (!options.config_given) return builtin;
    complain("there is no file " + options.config_file.string());
    return std::nullopt;
  }
  config::Loaded loaded = config::load(options.config_file);
  if (loaded.settings.platforms.names().empty()) return builtin;
  return std::move(loaded.settings.platforms);
}

}  // namespace linewatch::agent
