#include "config/item_key.hpp"

#include <algorithm>

#include "config/loading.hpp"

namespace linewatch::config {

namespace {

// Parameters as Zabbix reads them: the bracket that closes them is the key's last character.
bool are_item_parameters(std::string_view text) {
  bool quoted = false;
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '"' && text[i - 1] != '\\') quoted = false;
    } else if (c == '"' && (text[i - 1] == '[' || text[i - 1] == ',' || text[i - 1] == ' ')) {
      quoted = true;
    } else if (c == '[') {
      if (++depth > 2) return false;
    } else if (c == ']' && --depth == 0) {
      return i + 1 == text.size();
    }
  }
  return false;
}

}  // namespace

bool is_item_key(std::string_view key) {
  const std::size_t end = std::min(key.find('['), key.size());
  const std::string_view name = key.substr(0, end);
  const bool named = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  return named && is_one_line(key, longest_item_key) &&
         (end == key.size() || are_item_parameters(key.substr(end)));
}

}  // namespace linewatch::config
