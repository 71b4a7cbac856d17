#include "aggregator/text.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace linewatch::aggregator {

std::size_t character_at(std::string_view text, std::size_t at) {
  const auto octet = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned lead = octet(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((octet(i) & 0xC0) != 0x80) return 0;
  const unsigned second = octet(1);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second > 0x9F;
  const bool beyond = lead == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

std::string valid_text(std::string_view text, std::size_t limit) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_at(text, at);
    const std::string_view piece = length == 0 ? replacement : text.substr(at, length);
    if (out.size() + piece.size() > limit) break;
    out += piece;
    at += length == 0 ? 1 : length;
  }
  return out;
}

std::optional<std::string> decimal(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 340> digits;  // 309 digits, sign, point and 6 decimals at most
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed, 6);
  std::string text(digits.data(), end.ptr);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string item_key(std::string_view name, std::string_view parameter) {
  std::string key(name);
  key += '[';
  const bool plain = parameter.empty() || (parameter.find_first_of(",]") == std::string_view::npos &&
                                           parameter[0] != '"' && parameter[0] != '[' && parameter[0] != ' ');
  if (plain) {
    key += parameter;
  } else {
    key += '"';
    for (const char c : parameter) {
      if (c == '"') key += '\\';
      key += c;
    }
    key += '"';
  }
  return key += ']';
}

}  // namespace linewatch::aggregator
