#include "connection/cli/text.hpp"

#include <algorithm>

namespace linewatch::connection {

std::string_view trim_right(std::string_view line) {
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

bool matches_at_end(const config::Pattern& pattern, std::string_view text) {
  const std::size_t end = text.find_last_not_of(" \t\n") + 1;
  for (std::size_t at = 0; at < text.size();) {
    re2::StringPiece found;
    if (!pattern.re().Match(text, at, text.size(), RE2::UNANCHORED, &found, 1)) return false;
    const auto found_end = static_cast<std::size_t>(found.data() + found.size() - text.data());
    if (found_end >= end) return true;
    at = std::max(found_end, at + 1);
  }
  return false;
}

std::string last_words(std::string_view text) {
  constexpr std::size_t longest = 120;
  const std::size_t end = text.find_last_not_of(" \t\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  text.remove_prefix(text.rfind('\n') + 1);
  std::string words(text.substr(0, longest));
  std::ranges::replace_if(
      words, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"'; }, ' ');
  return words;
}

}  // namespace linewatch::connection
