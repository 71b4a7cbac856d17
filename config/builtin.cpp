#include <stdexcept>

#include "config/loader.hpp"
#include "config/platform_loader.hpp"

namespace linewatch::config {

namespace {

struct Builtin {
  std::string_view name, text;
};

constexpr Builtin builtin[] = {
#include "config/builtin_platforms.inc"
};

Platforms parse_builtin() {
  std::vector<ProfileText> texts;
  for (const Builtin& profile : builtin) {
    texts.push_back({std::string(profile.name) + ".yaml", std::string(profile.text), "built in"});
  }
  Platforms platforms;
  Problems problems;
  load_profiles(texts, platforms, problems);
  if (!problems.empty()) throw std::logic_error("built-in platform: " + problems.front().format());
  return platforms;
}

}  // namespace

Platforms builtin_platforms() {
  static const Platforms platforms = parse_builtin();
  return platforms;
}

std::string_view builtin_profile_text(std::string_view name) {
  for (const Builtin& profile : builtin) {
    if (profile.name == name) return profile.text;
  }
  return {};
}

}  // namespace linewatch::config
