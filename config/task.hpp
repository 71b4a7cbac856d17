#pragma once
// A task of the site's own: commands that are typed on a router at an interval, and the values that are
// picked from their answers for Zabbix (README, "Tasks of your own"). Plain data, filled by the loader.

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/duration.hpp"
#include "config/platform.hpp"

namespace linewatch::config {

// A pattern that is the same on every platform, or one for each.
struct TaskPattern {
  Pattern everywhere;
  std::map<std::string, Pattern, std::less<>> by_platform;

  // False: none at all is given for the platform.
  bool has(std::string_view platform) const;
  // An empty pattern: the platform does not print this.
  const Pattern& of(std::string_view platform) const;
  bool operator==(const TaskPattern&) const = default;
};

struct TaskValue {
  enum class Type { number, integer, text };
  std::string name;  // also of the pattern's group that holds it
  std::string item;  // Zabbix key, without the line's id
  Type type = Type::number;
  double factor = 1;    // what is read times this is sent; not of a text
  bool counts = false;  // the lines that `pattern` is found in are counted
  TaskPattern pattern;
  bool operator==(const TaskValue&) const = default;
};

struct Task {
  std::string name;
  Duration interval = std::chrono::minutes(5);
  Duration timeout = std::chrono::seconds(30);  // of one run: all its commands together
  // By the platform's name, typed in this order. Places such as {target} stand for a line's data.
  std::map<std::string, std::vector<std::string>, std::less<>> commands;
  TaskPattern expect;  // must be found in the answers, else there are no values
  std::vector<TaskValue> values;

  // Null: the task cannot be done there.
  const std::vector<std::string>* commands_for(std::string_view platform) const;
  bool operator==(const Task&) const = default;
};

// The item of a line where its host has those of other lines too (layout discovery): "optic.rx[L-1001]",
// "optic.rx[L-1001,a]".
std::string line_item(std::string_view item, std::string_view line);

struct Line;

// The name in a place of a command: "target" of "{target}"; nothing: no (more) places. `at` moves behind it.
// Braces that hold anything but a lower-case word, and ${...}, belong to the router's own language.
std::string_view next_place(std::string_view command, std::size_t& at);
bool is_task_place(std::string_view name);

// A command with a line's data in its places. The error is one clause: what the line does not say, or says in
// a way that must not be typed.
std::expected<std::string, std::string> task_command(std::string_view command, const Line& line);

}  // namespace linewatch::config
