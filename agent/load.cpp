#include <re2/re2.h>

#include <cstdio>

#include "agent/commands.hpp"
#include "agent/plan.hpp"
#include "agent/zabbix_api/plan.hpp"
#include "config/file.hpp"

namespace linewatch::agent {

int complain(const std::string& why, int code) {
  std::fprintf(stderr, "linewatch: %s\n", why.c_str());
  return code;
}

namespace {

// Lines from the Zabbix API, as the agent last took them. Who may not read that plan is told, and has those
// of the files.
void add_last_api_plan(config::Settings& settings) {
  if (!settings.zabbix.api) return;
  auto kept = read_api_plan(settings.agent.state_dir, question_of(*settings.zabbix.api));
  if (!kept) {
    complain("the last plan of the Zabbix API cannot be used: " + kept.error().text);
  } else if (*kept) {
    add_api_lines(settings, std::make_shared<const ApiPlan>(std::move(**kept)));
  }
}

}  // namespace

std::shared_ptr<const config::Settings> load_or_complain(const Options& options) {
  auto settings = load_files_or_complain(options);
  if (!settings) return nullptr;
  add_last_api_plan(*settings);
  return std::make_shared<const config::Settings>(std::move(*settings));
}

std::optional<config::Settings> load_files_or_complain(const Options& options) {
  config::Loaded loaded = config::load(options.config_file);
  if (loaded.ok()) return std::move(loaded.settings);
  for (const config::Problem& problem : loaded.problems) {
    if (problem.severity == config::Problem::Severity::error)
      std::fprintf(stderr, "%s\n", problem.format().c_str());
  }
  return std::nullopt;
}

namespace {

// A file that is no YAML just now still says where its agent is asked: that is when people want to ask it.
std::optional<std::filesystem::path> socket_in_broken_file(const std::filesystem::path& file) {
  const auto read = config::read_file(file, config::largest_configuration);
  if (!read) return std::nullopt;
  std::string written;
  const bool said = RE2::PartialMatch(read->text, R"(control_socket:[ \t]*["']?([^"'\s,}#]+))", &written);
  return said ? std::filesystem::path(written) : config::AgentSettings().control_socket;
}

}  // namespace

std::optional<std::filesystem::path> control_socket_of(const Options& options) {
  const config::Loaded loaded = config::load(options.config_file);
  // Where the main file could be read, the agent has a name, if only its host's.
  if (!loaded.settings.agent.name.empty()) return loaded.settings.agent.control_socket;
  if (auto socket = socket_in_broken_file(options.config_file)) return socket;
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
