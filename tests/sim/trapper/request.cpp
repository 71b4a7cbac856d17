#include "tests/sim/trapper/request.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

namespace linewatch::trapper {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr auto tolerant = json::error_handler_t::replace;

Outcome failure(std::string problem) {
  Outcome outcome;
  outcome.answer = ordered_json({{"response", "failed"}, {"info", problem}}).dump(-1, ' ', false, tolerant);
  outcome.problem = std::move(problem);
  return outcome;
}

Outcome silence(std::string problem) {
  Outcome outcome;
  outcome.problem = std::move(problem);
  return outcome;
}

std::string text_of(const json& row, const char* name) {
  const auto found = row.find(name);
  if (found == row.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump(-1, ' ', false, tolerant);
}

// A number that may be written as text; nothing if it is none or out of range.
std::optional<std::int64_t> number_of(const json& row, const char* name, std::int64_t max) {
  const std::string text = text_of(row, name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > max)
    return std::nullopt;
  return value;
}

bool denied(const Value& value, const Rules& rules) {
  for (const std::string& pattern : rules.deny) {
    const auto colon = pattern.find(':');
    const bool host = matches(std::string_view(pattern).substr(0, colon), value.host);
    if (host &&
        (colon == std::string::npos || matches(std::string_view(pattern).substr(colon + 1), value.key)))
      return true;
  }
  return false;
}

// The objects within the request's one, in text that is taken for JSON unseen.
std::size_t count_values(std::string_view payload) {
  std::size_t values = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < payload.size(); ++at) {
    const char c = payload[at];
    if (quoted && c == '\\') ++at;
    if (c == '"') quoted = !quoted;
    if (c == '{' && !quoted) ++values;
  }
  return values == 0 ? 0 : values - 1;
}

std::string success(std::size_t processed, std::size_t failed, std::chrono::steady_clock::time_point begin) {
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  const std::string info = fmt::format("processed: {}; failed: {}; total: {}; seconds spent: {:.6f}",
                                       processed, failed, processed + failed, spent.count());
  return ordered_json({{"response", "success"}, {"info", info}}).dump();
}

enum class Row { good, dropped, failed };

Row read_row(const json& row, std::int64_t now, std::int32_t shift, Value& value) {
  if (!row.is_object()) return Row::failed;
  value.host = text_of(row, "host");
  value.key = text_of(row, "key");
  value.value = text_of(row, "value");
  value.clock = now;
  value.ns = shift;  // a value without ns is numbered within its request, as the server does
  // A clock or ns out of range: the server forgets the value and counts nothing.
  if (row.contains("clock")) {
    const auto clock = number_of(row, "clock", 2147483647);
    if (!clock) return Row::dropped;
    value.clock = *clock;
  }
  if (row.contains("ns")) {
    const auto ns = number_of(row, "ns", 999999999);
    if (!ns) return Row::dropped;
    value.ns = static_cast<std::int32_t>(*ns);
  }
  return value.host.empty() || value.key.empty() ? Row::failed : Row::good;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t skip = 0; skip <= text.size(); ++skip) {
      if (matches(pattern.substr(1), text.substr(skip))) return true;
    }
    return false;
  }
  return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
}

std::string to_json_line(const Value& value) {
  return ordered_json({{"host", value.host},
                       {"key", value.key},
                       {"value", value.value},
                       {"clock", value.clock},
                       {"ns", value.ns}})
      .dump(-1, ' ', false, tolerant);
}

Outcome handle_request(std::string_view payload, const Rules& rules, std::int64_t now) {
  const auto begin = std::chrono::steady_clock::now();
  if (rules.unseen) {
    Outcome outcome;
    outcome.unseen = count_values(payload);
    outcome.answer = success(outcome.unseen, 0, begin);
    return outcome;
  }
  const json request = json::parse(payload, nullptr, false);
  if (request.is_discarded() || !request.is_object()) {
    return failure(
        fmt::format("cannot parse as a valid JSON object: invalid object format, expected opening "
                    "character '{{' at: '{}'",
                    payload.substr(0, 40)));
  }
  if (text_of(request, "request") != "sender data")
    return silence("unknown request \"" + text_of(request, "request") + "\"");
  const auto data = request.find("data");
  if (data == request.end() || !data->is_array()) return failure("cannot find pair with name \"data\"");
  Outcome outcome;
  std::int32_t shift = 0;
  for (const json& row : *data) {
    Value value;
    const Row kind = read_row(row, now, shift++, value);
    if (kind == Row::dropped) continue;
    if (kind == Row::failed || denied(value, rules) ||
        outcome.failed < static_cast<std::size_t>(rules.failed)) {
      ++outcome.failed;
    } else {
      outcome.processed.push_back(std::move(value));
    }
  }
  outcome.answer = success(outcome.processed.size(), outcome.failed, begin);
  return outcome;
}

}  // namespace linewatch::trapper
