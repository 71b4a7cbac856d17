#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "agent/commands.hpp"
#include "agent/suggest.hpp"
#include "config/loader.hpp"
#include "config/platform_loader.hpp"

namespace linewatch::agent {

namespace {

void print_commands(const config::Platform& platform) {
  for (const std::string& command : platform.cli.setup) fmt::print("{}: {}\n", platform.name, command);
  if (platform.cli.enable) fmt::print("{}: {}\n", platform.name, platform.cli.enable->command);
  const config::PingProfile& ping = platform.ping;
  for (const auto* syntax : {&ping.ipv4, &ping.ipv6, &ping.unprivileged_ipv4, &ping.unprivileged_ipv6}) {
    if (!*syntax) continue;
    for (const std::string& command : (*syntax)->before) fmt::print("{}: {}\n", platform.name, command);
    fmt::print("{}: {}\n", platform.name, (*syntax)->command);
  }
  for (const std::string& command : platform.cli.logout) fmt::print("{}: {}\n", platform.name, command);
}

// What the site's own tasks and a trace on loss type there.
void print_task_commands(const config::Platform& platform, const std::vector<config::Task>& tasks) {
  for (const std::string& command : {platform.traceroute.ipv4, platform.traceroute.ipv6}) {
    if (!command.empty()) fmt::print("{}: {}\n", platform.name, command);
  }
  for (const config::Task& task : tasks) {
    const auto* commands = task.commands_for(platform.name);
    if (!commands) continue;
    for (const std::string& command : *commands)
      fmt::print("{}: {}  (task {})\n", platform.name, command, task.name);
  }
}

std::vector<config::Task> known_tasks(const Options& options) {
  if (!std::filesystem::exists(options.config_file)) return {};
  return config::load(options.config_file).settings.tasks;
}

// The profile as written, comments and all.
std::string profile_text(const config::Platform& platform) {
  const std::string_view builtin = config::builtin_profile_text(platform.name);
  if (platform.origin == "built in") return std::string(builtin);
  std::ifstream file(platform.origin, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int run_platforms(const Options& options) {
  const auto known = known_platforms(options);
  if (!known) return exit_bad_configuration;
  const config::Platforms& platforms = *known;
  const auto tasks = options.list_commands ? known_tasks(options) : std::vector<config::Task>();
  if (options.platform.empty()) {
    for (const std::string& name : platforms.names()) {
      const auto platform = platforms.find(name);
      if (options.list_commands) {
        print_commands(*platform);
        print_task_commands(*platform, tasks);
      } else {
        const std::string aliases =
            platform->aliases.empty() ? "" : fmt::format(" ({})", fmt::join(platform->aliases, ", "));
        fmt::print("{:<16} {:<10} {}{}\n", name, platform->origin, platform->description, aliases);
      }
    }
    return exit_ok;
  }
  const auto platform = platforms.find(options.platform);
  if (!platform) {
    fmt::print(stderr, "linewatch: unknown platform '{}'{}\n", options.platform,
               did_you_mean(options.platform, platforms.names_and_aliases()));
    return exit_bad_configuration;
  }
  if (options.list_commands) {
    print_commands(*platform);
    print_task_commands(*platform, tasks);
  } else {
    fmt::print("# {}: {}\n{}", platform->name, platform->origin, profile_text(*platform));
  }
  return exit_ok;
}

}  // namespace linewatch::agent
