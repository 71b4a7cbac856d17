#include "config/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "config/problem.hpp"

namespace linewatch::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> durations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> sizes{
    {{"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}}};
constexpr std::uint64_t longest = 3650ULL * 86'400'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string_view take(std::string_view& text, bool (*wanted)(char)) {
  std::size_t n = 0;
  while (n < text.size() && wanted(text[n])) ++n;
  const std::string_view taken = text.substr(0, n);
  text.remove_prefix(n);
  return taken;
}

std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What a fraction means in the next smaller unit is for the operator to say.
std::string no_duration(std::string_view text) {
  if (!text.empty() && text.front() == '-')
    return fmt::format("{} is negative (write one like 30s)", in_quotes(text));
  return fmt::format("{} is no duration (write one like 500ms, 30s, 3m30s or 7d)", in_quotes(text));
}

}  // namespace

std::expected<Duration, std::string> parse_duration(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t total = 0;
  std::size_t next_unit = 0;  // units from here on may still come
  if (rest.empty()) return std::unexpected(no_duration(text));
  while (!rest.empty()) {
    const std::string_view number = take(rest, is_digit);
    const std::string_view name = take(rest, is_letter);
    if (number.empty()) return std::unexpected(no_duration(text));
    if (name.empty() && rest.empty() && number.size() == text.size()) {
      return std::unexpected(
          fmt::format("a number without a unit (write {0}s or {0}m)", number.substr(0, 20)));
    }
    std::size_t unit = next_unit;
    while (unit < durations.size() && durations[unit].name != name) ++unit;
    if (unit == durations.size()) return std::unexpected(no_duration(text));
    const auto value = digits(number);
    if (!value || *value > longest / durations[unit].factor) {
      return std::unexpected(fmt::format("{} is longer than 3650d", in_quotes(text)));
    }
    total += *value * durations[unit].factor;
    next_unit = unit + 1;
  }
  if (total > longest) return std::unexpected(fmt::format("{} is longer than 3650d", in_quotes(text)));
  return Duration(static_cast<Duration::rep>(total));
}

std::string format_duration(Duration duration) {
  auto rest = static_cast<std::uint64_t>(std::max<Duration::rep>(duration.count(), 0));
  if (rest == 0) return "0s";
  std::string out;
  for (const Unit& unit : durations) {
    if (rest >= unit.factor) out += fmt::format("{}{}", rest / unit.factor, unit.name);
    rest %= unit.factor;
  }
  return out;
}

std::expected<std::uint64_t, std::string> parse_size(std::string_view text) {
  std::string_view rest = text;
  const std::string_view number = take(rest, is_digit);
  if (number == "0" && rest.empty()) return 0;
  if (!number.empty() && rest.empty()) {
    return std::unexpected(
        fmt::format("a number without a unit (write {0}MiB or {0}B)", number.substr(0, 20)));
  }
  for (const Unit& unit : sizes) {
    if (number.empty() || rest != unit.name) continue;
    const auto value = digits(number);
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!value || *value > most / unit.factor) {
      return std::unexpected(fmt::format("{} is too large", in_quotes(text)));
    }
    return *value * unit.factor;
  }
  return std::unexpected(
      fmt::format("{} is no size (write one like 512B, 64KiB, 100MiB or 1GiB)", in_quotes(text)));
}

}  // namespace linewatch::config
