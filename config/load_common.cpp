#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

std::string Place::text() const {
  return fmt::format("{}:{}", source->document.file(), node.line());
}

std::string Loading::suggest(std::string_view kind, const std::string& name,
                             std::span<const std::string_view> known) {
  constexpr std::size_t most =
      500;  // each search looks at every name: 100,000 wrong ones must not take for ever
  const std::string key = fmt::format("{} {}", kind, name);
  const auto found = suggestions.find(key);
  if (found != suggestions.end()) return found->second;
  if (suggestions.size() >= most) return "";
  return suggestions[key] = suggestion(name, known);
}

bool is_one_line(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool read_line_of_text(Reader& reader, std::string_view key, std::string& out, std::size_t longest) {
  std::string text;
  if (!reader.text(key, text)) return false;
  if (!is_one_line(text, longest)) {
    reader.error(key, fmt::format("must be one line of 1 to {} octets without control characters", longest));
    return false;
  }
  out = std::move(text);
  return true;
}

std::optional<FileText> read_named_file(Reader& reader, std::string_view key, const Source& source,
                                        std::size_t largest, std::filesystem::path& path) {
  std::string written;
  if (!read_line_of_text(reader, key, written, 4096)) return std::nullopt;
  path = beside(source.path, written);
  auto file = read_file(path, largest);
  if (file) return std::move(*file);
  reader.error(key, fmt::format("cannot read {}: {}", path.string(), file.error()));
  return std::nullopt;
}

std::optional<std::string> why_no_zabbix_host(std::string_view name) {
  for (const char c : name) {
    const bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == ' ' || c == '.' || c == '_' || c == '-';
    if (!fine) {
      return fmt::format("{} can be no host name in Zabbix (letters, digits, space . _ - are allowed there)",
                         in_quotes(name));
    }
  }
  if (name.empty() || name.size() > 128) return "a host name in Zabbix has 1 to 128 characters";
  if (name.front() == ' ' || name.back() == ' ')
    return "a host name in Zabbix neither begins nor ends with a space";
  return std::nullopt;
}

}  // namespace linewatch::config
