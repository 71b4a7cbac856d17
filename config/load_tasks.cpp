// `tasks:`: what the site's own tasks type on a router and pick from its answers.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/item_key.hpp"
#include "config/loading.hpp"
#include "config/platform_profile.hpp"

namespace linewatch::config {

namespace {

constexpr std::size_t longest_command = 400;  // octets
constexpr std::size_t most_commands = 20;
constexpr int most_groups = 11;  // of a pattern, named or not

// Names of Zabbix items that the agent fills itself.
constexpr std::string_view own_items[] = {"line.", "lines.", "router.", "linewatch."};

bool is_value_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && !(text.front() >= '0' && text.front() <= '9') &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::optional<std::string> why_no_item(std::string_view key) {
  if (!is_item_key(key))
    return fmt::format("{} can be no item key in Zabbix (as bgp.peers.up or bgp.peers[ipv4])",
                       in_quotes(key));
  for (const std::string_view own : own_items) {
    if (key.starts_with(own))
      return fmt::format("{} is one of the agent's own item keys (these begin with {})", in_quotes(key),
                         fmt::join(own_items, ", "));
  }
  return std::nullopt;
}

using Names = std::vector<std::string_view>;

Names keys_of(const std::map<std::string, std::vector<std::string>, std::less<>>& commands) {
  Names names;
  for (const auto& entry : commands) names.push_back(entry.first);
  return names;
}

class TaskReader {
 public:
  TaskReader(Reader& reader, Loading& loading) : reader_(reader), loading_(loading) {}

  Task read(std::string name) {
    task_.name = std::move(name);
    int only = 0;
    reader_.word("kind", only, {{"command", 0}});
    reader_.duration("interval", task_.interval, 1s, std::chrono::days{1});
    if (!reader_.duration("timeout", task_.timeout, 1s, 10min)) {
      task_.timeout = std::min(task_.timeout, task_.interval);
    } else if (task_.timeout >= task_.interval) {
      reader_.warning("timeout",
                      fmt::format("a run may take {}, the interval is {}", format_duration(task_.timeout),
                                  format_duration(task_.interval)));
    }
    read_commands();
    read_task_pattern(reader_, "expect", task_.expect, {}, {});
    read_values();
    reader_.finish();
    return std::move(task_);
  }

 private:
  void read_commands();
  void read_platform_commands(Reader& commands, YamlNode node);
  void read_values();
  void read_value(Reader& value, const Names& names);
  void read_task_pattern(Reader& reader, std::string_view key, TaskPattern& out, const Names& groups,
                         const Names& needed);
  void check_platforms(Reader& reader, std::string_view key, const TaskPattern& pattern);

  Reader& reader_;
  Loading& loading_;
  Task task_;
  std::set<std::string> items_;
};

void TaskReader::read_commands() {
  if (!reader_.required("commands", "write what to type on each platform, as cisco_iosxe: show ...")) return;
  Reader commands(reader_, "commands", reader_.submap("commands"));
  for (const YamlNode node : commands.map()) read_platform_commands(commands, node);
  if (commands.map() && commands.map().size() == 0) reader_.error("commands", "is empty");
}

void TaskReader::read_platform_commands(Reader& commands, YamlNode node) {
  const std::string_view key = node.key();
  const auto platform = loading_.settings.platforms.find(std::string(key));
  if (!platform && loading_.settings.platforms.refused(std::string(key))) return;
  if (!platform) {
    const std::vector<std::string> known = loading_.settings.platforms.names_and_aliases();
    const Names views(known.begin(), known.end());
    return commands.error(key, fmt::format("unknown platform {}{}", in_quotes(key),
                                           loading_.suggest("platform", std::string(key), views)));
  }
  std::vector<std::string> typed;
  if (!commands.texts(key, typed)) {
    if (node.is_null()) commands.error(key, "is empty (write a command)");
    return;
  }
  if (typed.empty() || typed.size() > most_commands)
    return commands.error(key, fmt::format("must be 1 to {} commands", most_commands));
  for (const std::string& command : typed) {
    if (!is_one_line(command, longest_command))
      return commands.error(key, "a command is one line of 1 to 400 octets without control characters");
    std::size_t at = 0;
    for (std::string_view place; !(place = next_place(command, at)).empty();) {
      static constexpr std::string_view places[] = {"target", "source", "vrf", "line", "label.NAME"};
      if (!is_task_place(place))
        return commands.error(key,
                              fmt::format("no place {{{}}} is known{}", place, suggestion(place, places)));
    }
  }
  if (!task_.commands.try_emplace(platform->name, std::move(typed)).second)
    commands.error(key, fmt::format("is {}, which has commands already", platform->name));
}

void TaskReader::read_values() {
  const YamlNode list = reader_.list("values");
  if (!list || list.size() == 0) {
    const YamlNode node = reader_.find("values");
    if (!node || node.is_null() || node.is_list())
      reader_.error("values", "missing (write what to pick from the answer: name, item, find or count)");
    return;
  }
  Names names;
  for (const YamlNode node : list) {
    if (const YamlNode name = node.is_map() ? node.find("name") : YamlNode(); name && name.is_scalar())
      names.push_back(name.text());
  }
  int index = 0;
  for (const YamlNode node : list) {
    Reader value(reader_, "values", index++, node);
    if (value.ok()) read_value(value, names);
  }
}

void TaskReader::read_value(Reader& reader, const Names& names) {
  TaskValue value;
  if (reader.required("name", "write what it is, as peers_up") && reader.text("name", value.name)) {
    if (!is_value_name(value.name))
      reader.error("name", "must be letters, digits and '_', as a pattern's group is named");
    if (std::ranges::find(task_.values, value.name, &TaskValue::name) != task_.values.end())
      reader.error("name", fmt::format("duplicate name {}", in_quotes(value.name)));
  }
  if (reader.required("item", "write the key of its item in Zabbix") && reader.text("item", value.item)) {
    if (const auto why = why_no_item(value.item)) {
      reader.error("item", *why);
    } else if (!items_.insert(value.item).second) {
      reader.error("item", fmt::format("duplicate item {}", in_quotes(value.item)));
    }
  }
  const bool typed = reader.word("type", value.type,
                                 {{"number", TaskValue::Type::number},
                                  {"integer", TaskValue::Type::integer},
                                  {"text", TaskValue::Type::text}});
  if (reader.number("factor", value.factor, -1e18, 1e18) && value.factor == 0)
    reader.error("factor", "0 leaves nothing of the figure");
  const bool finds = static_cast<bool>(reader.find("find")), counts = static_cast<bool>(reader.find("count"));
  value.counts = counts;
  if (finds == counts) {
    reader.error(finds ? "count" : "find", finds ? "stands beside find (write one of them)"
                                                 : "missing (a pattern with a group of the value's name, or "
                                                   "count: a pattern of the lines to count)");
  } else if (counts) {
    read_task_pattern(reader, "count", value.pattern, {}, {});
    if (typed && value.type != TaskValue::Type::integer) reader.error("type", "a count is an integer");
    value.type = TaskValue::Type::integer;
  } else {
    read_task_pattern(reader, "find", value.pattern, names, {value.name});
  }
  if (reader.written("factor") && value.type == TaskValue::Type::text)
    reader.error("factor", "has no meaning for a text");
  reader.finish();
  task_.values.push_back(std::move(value));
}

void TaskReader::read_task_pattern(Reader& reader, std::string_view key, TaskPattern& out,
                                   const Names& groups, const Names& needed) {
  const YamlNode node = reader.find(key);
  if (!node) return;
  const auto read_one = [&](Reader& around, std::string_view at, Pattern& pattern) {
    if (read_pattern(around, at, pattern, groups, needed) && pattern &&
        pattern.re().NumberOfCapturingGroups() > most_groups)
      around.error(at, fmt::format("has more than {} groups (write (?:...) for those that name nothing)",
                                   most_groups));
  };
  if (!node.is_map()) return read_one(reader, key, out.everywhere);
  Reader platforms(reader, key, node);
  const Names known = keys_of(task_.commands);
  for (const YamlNode each : node) {
    const auto platform = loading_.settings.platforms.find(std::string(each.key()));
    const std::string name(platform ? std::string_view(platform->name) : each.key());
    if (!task_.commands.contains(name)) {
      platforms.error(each.key(), fmt::format("no commands are given for a platform {}{}",
                                              in_quotes(each.key()), suggestion(each.key(), known)));
    } else {
      read_one(platforms, each.key(), out.by_platform[name]);
    }
  }
  check_platforms(reader, key, out);
}

void TaskReader::check_platforms(Reader& reader, std::string_view key, const TaskPattern& pattern) {
  for (const auto& entry : task_.commands) {
    if (!pattern.has(entry.first))
      reader.error(key, fmt::format("has no pattern for {}, which has commands (null: nothing to be found "
                                    "there)",
                                    entry.first));
  }
}

}  // namespace

void load_tasks(Source& main, Loading& loading) {
  int index = 0;
  for (const YamlNode node : main.root.list("tasks")) {
    Reader task(main.root, "tasks", index++, node);
    if (!task.ok()) continue;
    const std::size_t known = loading.problems.size();
    std::string name;
    if (!task.required("name", "write a name that routers and lines can refer to") ||
        !read_line_of_text(task, "name", name, 128)) {
      continue;
    }
    const std::string_view text = task.find("name").text();
    if (text == "ping") {
      task.error("name", "'ping' is built in (write another name)");
    } else if (std::ranges::find(loading.task_names, text) != loading.task_names.end()) {
      task.error("name", fmt::format("there is a task {} already", in_quotes(text)));
    } else {
      loading.task_names.push_back(text);
    }
    Task read = TaskReader(task, loading).read(std::move(name));
    const bool clean =
        std::none_of(loading.problems.begin() + static_cast<std::ptrdiff_t>(known), loading.problems.end(),
                     [](const Problem& problem) { return problem.severity == Problem::Severity::error; });
    if (clean) loading.settings.tasks.push_back(std::move(read));
  }
}

}  // namespace linewatch::config
