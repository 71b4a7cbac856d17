#include "agent/control/fields.hpp"

#include <fmt/format.h>

namespace linewatch::agent {

std::string text_field(const Json& request, const char* key) {
  const auto found = request.find(key);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_field(const Json& request, const char* key) {
  const auto found = request.find(key);
  return found != request.end() && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> texts_field(const Json& request, const char* key) {
  std::vector<std::string> texts;
  const auto found = request.find(key);
  if (found == request.end() || !found->is_array()) return texts;
  for (const Json& item : *found)
    if (item.is_string()) texts.push_back(item.get<std::string>());
  return texts;
}

std::expected<std::optional<config::Duration>, std::string> length_field(const Json& request,
                                                                         const char* key) {
  constexpr config::Duration longest = std::chrono::days(3653);
  const auto found = request.find(key);
  if (found == request.end() || found->is_null()) return std::nullopt;
  if (found->is_number_integer()) {
    const auto milliseconds = found->get<std::int64_t>();
    if (milliseconds >= 1 && milliseconds <= longest.count()) return config::Duration(milliseconds);
  }
  return std::unexpected(fmt::format("{} must be from 1 to {} milliseconds", key, longest.count()));
}

}  // namespace linewatch::agent
