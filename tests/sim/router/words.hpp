#pragma once
// A command line cut into words with their places, since routers point at the word they did not understand.

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linewatch::sim {

struct Word {
  std::string text;
  std::size_t at = 0;  // offset in the line
};

inline std::vector<Word> split_words(std::string_view line) {
  std::vector<Word> words;
  std::size_t i = 0;
  while (i < line.size()) {
    if (line[i] == ' ' || line[i] == '\t') {
      ++i;
      continue;
    }
    const std::size_t start = i;
    while (i < line.size() && line[i] != ' ' && line[i] != '\t') ++i;
    words.push_back({std::string(line.substr(start, i - start)), start});
  }
  return words;
}

// A keyword may be cut short down to `least` letters, as routers allow: "term len 0".
inline bool abbreviates(std::string_view word, std::string_view keyword, std::size_t least = 2) {
  return word.size() >= least && keyword.starts_with(word);
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, Number min, Number max) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
    return std::nullopt;
  return value;
}

}  // namespace linewatch::sim
