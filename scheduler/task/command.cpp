#include "scheduler/task/command.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <system_error>

#include "scheduler/task/ping_answer.hpp"

namespace linewatch::scheduler {

namespace {

using config::TaskValue;
using Text = std::expected<std::string, std::string>;  // what is sent, or why it is not

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  return text;
}

template <typename T>
std::optional<T> parsed(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// As exact as a double is, in plain decimals; nothing if it is no number or too long to be one of a router.
std::optional<std::string> plain_decimal(double value) {
  constexpr int digits = 15;  // that any decimal keeps on its way through a double
  if (!std::isfinite(value) || std::abs(value) >= 1e30) return std::nullopt;
  if (value == 0) return "0";
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const int decimals = std::min(std::max(digits - 1 - magnitude, 0), 40);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  if (text == "0" || text == "-0") return std::nullopt;
  return text;
}

Text number(std::string_view text, double factor) {
  const auto value = parsed<double>(trimmed(text));
  const auto out = value ? plain_decimal(*value * factor) : std::nullopt;
  if (!out) return std::unexpected(fmt::format("'{}' is no number", shown(text)));
  return *out;
}

// Counters have 64 bits: a figure that needs no arithmetic goes through no double.
Text integer(std::string_view text, double factor) {
  const std::string_view digits = trimmed(text);
  if (factor == 1) {
    if (const auto value = parsed<std::uint64_t>(digits)) return std::to_string(*value);
    if (const auto value = parsed<std::int64_t>(digits)) return std::to_string(*value);
    return std::unexpected(fmt::format("'{}' is no integer", shown(text)));
  }
  const auto value = parsed<double>(digits);
  const double product = value ? *value * factor : std::nan("");
  const double whole = std::round(product);
  const bool exact = std::abs(product - whole) <= 1e-9 * std::max(1.0, std::abs(whole));
  if (!exact || !(std::abs(whole) <= 9007199254740992.0))
    return std::unexpected(fmt::format("'{}' times {} is no integer", shown(text), factor));
  return fmt::format("{:.0f}", whole + 0.0);
}

Text as_written(const TaskValue& value, std::string_view text) {
  switch (value.type) {
    case TaskValue::Type::number:
      return number(text, value.factor);
    case TaskValue::Type::integer:
      return integer(text, value.factor);
    case TaskValue::Type::text:
      return std::string(text);
  }
  return std::unexpected("of no type");
}

Text found(const TaskValue& value, const config::Pattern& pattern, std::string_view answer) {
  Match match;
  std::optional<std::string_view> first;
  for (std::size_t at = 0; match.find(pattern, answer, at); at = match.end()) {
    const std::string_view group = match.group(value.name);
    if (group.data() == nullptr) {
      // another branch of the pattern
    } else if (!first) {
      first = group;
    } else if (*first != group) {
      return std::unexpected(
          fmt::format("more than one is printed: '{}' and '{}'", shown(*first), shown(group)));
    }
    if (match.end() == match.begin()) break;
  }
  if (!first) return std::unexpected("not found in the answer");
  return as_written(value, *first);
}

Text counted(const TaskValue& value, const config::Pattern& pattern, std::string_view answer) {
  Match match;
  std::size_t lines = 0;
  for (std::size_t at = 0; match.find(pattern, answer, at);) {
    ++lines;
    at = answer.find('\n', match.begin());
    if (at == std::string_view::npos) break;
    ++at;
  }
  return integer(std::to_string(lines), value.factor);
}

}  // namespace

std::expected<std::vector<std::string>, std::string> task_commands(const config::Task& task,
                                                                   const config::Platform& platform,
                                                                   const config::Line* line) {
  const auto* commands = task.commands_for(platform.name);
  if (!commands) return std::unexpected(fmt::format("it has no commands for {}", platform.name));
  if (!line) return *commands;
  std::vector<std::string> out;
  for (const std::string& command : *commands) {
    auto text = config::task_command(command, *line);
    if (!text) return std::unexpected(std::move(text.error()));
    out.push_back(std::move(*text));
  }
  return out;
}

void read_task_answer(const config::Task& task, const config::Platform& platform, std::string_view answer,
                      aggregator::TaskResult& result) {
  std::string storage;
  const std::string_view text = plain_lines(answer, storage);
  const config::Pattern& expect = task.expect.of(platform.name);
  Match match;
  if (expect && !match.find(expect, text)) {
    std::string begin = shown(text.substr(0, text.find('\n')));
    result.error = begin.empty() ? "the answer is empty" : "the answer is not what was expected: " + begin;
    return;
  }
  for (const TaskValue& value : task.values) {
    const config::Pattern& pattern = value.pattern.of(platform.name);
    if (!pattern) continue;  // the platform does not print it
    Text sent = value.counts ? counted(value, pattern, text) : found(value, pattern, text);
    if (sent) {
      result.values.push_back({value.name, value.item, std::move(*sent)});
    } else {
      result.missing.push_back(fmt::format("{}: {}", value.name, sent.error()));
    }
  }
}

}  // namespace linewatch::scheduler
