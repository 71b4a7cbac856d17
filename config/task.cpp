#include "config/task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/address.hpp"
#include "config/settings.hpp"

namespace linewatch::config {

namespace {

constexpr std::string_view label_place = "label.";

bool is_place_name(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// What may be typed for a place: an address or a name, never anything that a router could take for more.
bool is_safe(std::string_view text) {
  return is_ip(text) || is_host_name(text) || is_interface_name(text) || is_vrf_name(text);
}

std::string data_of(std::string_view place, const Line& line) {
  if (place == "target") return line.target;
  if (place == "source") return line.source;
  if (place == "vrf") return line.vrf;
  if (place == "line") return line.id;
  if (!place.starts_with(label_place)) return "";
  const auto label = line.labels.find(std::string(place.substr(label_place.size())));
  return label == line.labels.end() ? std::string() : label->second;
}

}  // namespace

bool TaskPattern::has(std::string_view platform) const {
  return everywhere || by_platform.contains(platform);
}

const Pattern& TaskPattern::of(std::string_view platform) const {
  const auto found = by_platform.find(platform);
  return found == by_platform.end() ? everywhere : found->second;
}

const std::vector<std::string>* Task::commands_for(std::string_view platform) const {
  const auto found = commands.find(platform);
  return found == commands.end() ? nullptr : &found->second;
}

std::string line_item(std::string_view item, std::string_view line) {
  const std::size_t end = item.find('[');
  if (end == std::string_view::npos) return fmt::format("{}[{}]", item, line);
  return fmt::format("{}[{},{}", item.substr(0, end), line, item.substr(end + 1));
}

std::string_view next_place(std::string_view command, std::size_t& at) {
  for (at = command.find('{', at); at < command.size(); at = command.find('{', at + 1)) {
    const std::size_t end = command.find('}', at);
    if (end == std::string_view::npos) break;
    const std::string_view name = command.substr(at + 1, end - at - 1);
    const bool variable = at > 0 && command[at - 1] == '$';
    if (variable || !is_place_name(name)) continue;
    at = end + 1;
    return name;
  }
  at = command.size();
  return {};
}

bool is_task_place(std::string_view name) {
  return name == "target" || name == "source" || name == "vrf" || name == "line" ||
         (name.starts_with(label_place) && name.size() > label_place.size());
}

std::expected<std::string, std::string> task_command(std::string_view command, const Line& line) {
  std::string out;
  std::size_t copied = 0, at = 0;
  for (std::string_view place; !(place = next_place(command, at)).empty(); copied = at) {
    const std::string data = data_of(place, line);
    if (data.empty()) return std::unexpected(fmt::format("the line has no {} for {{{}}}", place, place));
    if (!is_safe(data))
      return std::unexpected(
          fmt::format("its {} is no address, host name or interface name, and is not typed", place));
    out += command.substr(copied, at - place.size() - 2 - copied);
    out += data;
  }
  return out += command.substr(copied);
}

}  // namespace linewatch::config
