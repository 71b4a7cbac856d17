#pragma once
// Texts as Zabbix takes them: valid UTF-8 without NUL, plain decimals, item keys. Pure functions.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace linewatch::aggregator {

// Zabbix keeps 65,535 characters of a text value; more would only cost memory here.
inline constexpr std::size_t max_text = 64UL * 1024;

// What stands for each octet that cannot be sent: U+FFFD.
inline constexpr std::string_view replacement = "\xEF\xBF\xBD";

// Length of the UTF-8 character that begins at `at` (1..4), or 0 if none does there. NUL is none: databases
// refuse it.
std::size_t character_at(std::string_view text, std::size_t at);

// The text with every octet that is no UTF-8, and every NUL, replaced; at most `limit` octets, cut between
// characters.
std::string valid_text(std::string_view text, std::size_t limit = max_text);

// The shortest decimal: no exponent, no trailing zeros, at most 6 decimals, a point in every locale. Nothing
// for infinities and NaN: no figure is better than an invented one.
std::optional<std::string> decimal(double value);

// "name[parameter]", the parameter quoted where Zabbix's item key syntax needs it.
std::string item_key(std::string_view name, std::string_view parameter);

}  // namespace linewatch::aggregator
