// Who names which tasks: names, platforms, places and item keys that need more than one entry to judge.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/loading.hpp"

namespace linewatch::config {

namespace {

// A task that was read without error; null: it was said already what is wrong with it.
const Task* find_task(const Loading& loading, std::string_view name) {
  return loading.settings.task(name);
}

const std::vector<std::string>* commands_on(const Reader& reader, std::string_view key, const Task& task,
                                            const Router& router) {
  if (!router.platform) return nullptr;
  const auto* commands = task.commands_for(router.platform->name);
  if (!commands)
    reader.error(key, fmt::format("task {} has no commands for {}, the platform of router {}",
                                  in_quotes(task.name), router.platform->name, in_quotes(router.name)));
  return commands;
}

bool traces(const Platform& platform) {
  return !platform.traceroute.ipv4.empty() || !platform.traceroute.ipv6.empty();
}

using Taken = std::unordered_map<std::string, std::string>;  // by host and key: whose it is

void take_items(const Reader& reader, const Task& task, const std::string& host, const std::string& line,
                bool with_line, const std::string& who, Taken& taken) {
  for (const TaskValue& value : task.values) {
    const std::string item = with_line ? line_item(value.item, line) : value.item;
    const auto [found, added] = taken.try_emplace(fmt::format("{}\n{}", host, item), who);
    if (added) continue;
    reader.error("tasks", fmt::format("item {} on host {} is filled by task {} and by {}", in_quotes(item),
                                      in_quotes(host), in_quotes(task.name), found->second));
  }
}

}  // namespace

void read_task_names(Reader& reader, Loading& loading, std::vector<std::string>& out) {
  const YamlNode node = reader.find("tasks");
  if (node && node.is_null()) out.clear();
  std::vector<std::string> names;
  if (!reader.texts("tasks", names)) return;
  out.clear();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto wrong = [&](const std::string& text) {
      if (!node.is_list()) return reader.error("tasks", text);
      YamlNode::Iterator item = node.begin();
      for (std::size_t skipped = 0; skipped < i; ++skipped) ++item;
      reader.error("tasks", static_cast<int>(i), *item, text);
    };
    if (names[i] == "ping") {
      wrong("ping is no task beside others (a line's task is ping unless it says otherwise)");
    } else if (std::ranges::find(loading.task_names, names[i]) == loading.task_names.end()) {
      wrong(fmt::format("there is no task {}{}", in_quotes(names[i]),
                        loading.suggest("own task", names[i], loading.task_names)));
    } else if (std::ranges::find(out, names[i]) != out.end()) {
      wrong(fmt::format("{} is named twice", in_quotes(names[i])));
    } else {
      out.push_back(names[i]);
    }
  }
}

void check_router_tasks(const Reader& reader, const Loading& loading, const Router& router) {
  for (const std::string& name : router.tasks) {
    const Task* task = find_task(loading, name);
    const auto* commands = task ? commands_on(reader, "tasks", *task, router) : nullptr;
    if (!commands) continue;
    for (const std::string& command : *commands) {
      std::size_t at = 0;
      const std::string_view place = next_place(command, at);
      if (place.empty()) continue;
      reader.error("tasks",
                   fmt::format("task {} types {{{}}}, which only a line has (name it in a line's tasks)",
                               in_quotes(name), place));
      break;
    }
  }
}

void check_line_tasks(const Reader& reader, const Loading& loading, const Line& line, const Router& router) {
  const auto check = [&](std::string_view key, const std::string& name) {
    const Task* task = find_task(loading, name);
    const auto* commands = task ? commands_on(reader, key, *task, router) : nullptr;
    if (!commands) return;
    for (const std::string& command : *commands) {
      const auto text = task_command(command, line);
      if (text) continue;
      return reader.error(key, fmt::format("task {}: {}", in_quotes(name), text.error()));
    }
  };
  if (!line.pinged()) check("task", line.task);
  for (const std::string& name : line.tasks) {
    if (name == line.task) {
      reader.error("tasks", fmt::format("{} is the line's task already", in_quotes(name)));
    } else {
      check("tasks", name);
    }
  }
}

void check_trace(const Reader& reader, const Line& line, const Platform& platform) {
  if (!line.trace.on_loss || !line.pinged() || !traces(platform)) return;
  const auto command = platform.traceroute.command(line.target, line.family == 6, line.source, line.vrf);
  if (!command)
    reader.warning("trace", fmt::format("{} {}: nothing is traced", platform.name, command.error()));
}

void check_traces(const Loading& loading) {
  std::set<std::string_view> said;
  const Settings& settings = loading.settings;
  for (std::size_t i = 0; i < settings.lines.size(); ++i) {
    const Line& line = settings.lines[i];
    if (!line.trace.on_loss || !line.pinged()) continue;
    const Router* router = loading.router(line.router);
    if (!router || !router->platform || traces(*router->platform)) continue;
    const std::string& name = router->platform->name;
    if (said.insert(name).second)
      loading.line_places[i].reader().warning(
          "trace", fmt::format("{} has no traceroute: nothing is traced on its routers", name));
  }
}

void check_task_items(const Loading& loading) {
  Taken taken;
  const Settings& settings = loading.settings;
  for (std::size_t i = 0; i < settings.routers.size(); ++i) {
    const Router& router = settings.routers[i];
    for (const std::string& name : router.tasks) {
      const Task* task = router.enabled ? find_task(loading, name) : nullptr;
      if (!task) continue;
      take_items(loading.router_places[i].reader(), *task, router.zabbix_host, "", false,
                 fmt::format("task {} of router {}", in_quotes(name), in_quotes(router.name)), taken);
    }
  }
  const bool with_line = settings.zabbix.layout == Layout::discovery;
  for (std::size_t i = 0; i < settings.lines.size(); ++i) {
    const Line& line = settings.lines[i];
    for (const std::string& name : line.own_tasks()) {
      const Task* task = line.enabled ? find_task(loading, name) : nullptr;
      if (!task) continue;
      take_items(loading.line_places[i].reader(), *task, line.zabbix_host, line.id, with_line,
                 fmt::format("task {} of line {}", in_quotes(name), in_quotes(line.id)), taken);
    }
  }
}

}  // namespace linewatch::config
