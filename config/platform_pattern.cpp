#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "config/platform_profile.hpp"

namespace linewatch::config {

namespace {

// What is wrong with a pattern, or nothing.
std::optional<std::string> complaint(const Pattern& pattern, std::span<const std::string_view> groups,
                                     std::span<const std::string_view> needed) {
  if (!pattern) return "is empty (write a regular expression)";
  if (!pattern.ok()) return fmt::format("is no regular expression that RE2 reads: {}", pattern.error());
  for (const auto& entry : pattern.re().NamedCapturingGroups()) {
    if (std::ranges::find(groups, entry.first) == groups.end()) {
      return fmt::format("no group '{}' is expected here{}", entry.first, suggestion(entry.first, groups));
    }
  }
  for (const std::string_view name : needed) {
    if (pattern.group(name) < 0) return fmt::format("must have a group (?P<{}>...)", name);
  }
  return std::nullopt;
}

}  // namespace

bool read_pattern(Reader& reader, std::string_view key, Pattern& out,
                  std::span<const std::string_view> groups, std::span<const std::string_view> needed) {
  const YamlNode node = reader.find(key);
  if (node && node.is_null()) {  // takes away what the extended profile has
    out = Pattern();
    return true;
  }
  std::string text;
  if (!reader.text(key, text)) return false;
  Pattern pattern(text);
  if (const auto wrong = complaint(pattern, groups, needed)) {
    reader.error(key, *wrong);
    return false;
  }
  out = std::move(pattern);
  return true;
}

void read_pattern(Reader& reader, std::string_view key, int index, YamlNode item, Pattern& out,
                  std::span<const std::string_view> groups) {
  if (!item.is_scalar()) return reader.error(key, index, item, "must be a pattern");
  out = Pattern(std::string(item.text()));
  if (const auto wrong = complaint(out, groups, {})) reader.error(key, index, item, *wrong);
}

void read_patterns(Reader& reader, std::string_view key, std::vector<Pattern>& out,
                   std::span<const std::string_view> groups) {
  std::vector<std::string> texts;
  if (!reader.texts(key, texts)) return;
  const YamlNode node = reader.find(key);
  YamlNode::Iterator item = node.begin();
  std::vector<Pattern> patterns;
  for (std::size_t index = 0; index < texts.size(); ++index) {
    Pattern pattern(texts[index]);
    if (const auto wrong = complaint(pattern, groups, {})) {
      if (node.is_list()) {
        reader.error(key, static_cast<int>(index), *item, *wrong);
      } else {
        reader.error(key, *wrong);
      }
    }
    patterns.push_back(std::move(pattern));
    if (node.is_list()) ++item;
  }
  out = std::move(patterns);
}

}  // namespace linewatch::config
