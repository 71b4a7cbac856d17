#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>

#include "config/loader.hpp"
#include "config/platform_loader.hpp"

namespace linewatch::config {

namespace {

struct Builtin {
  std::string_view name, aliases, extends, text;  // aliases as in the profile: "cisco_ios, ios"
};

constexpr Builtin builtin[] = {
#include "config/builtin_platforms.inc"
};

const Builtin& builtin_named(std::string_view name) {
  const auto* found = std::ranges::find(builtin, name, &Builtin::name);
  if (found == std::end(builtin)) throw std::logic_error("no built-in platform " + std::string(name));
  return *found;
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; (at = list.find_first_not_of(", ", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(list.find_first_of(", ", at), list.size());
    parts.emplace_back(list.substr(at, end - at));
    at = end;
  }
  return parts;
}

// Reads a built-in profile at its first use and keeps it: reading all of them at every start would take
// longer than a login.
std::shared_ptr<const Platform> read_builtin(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Platform>, std::less<>> read;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = read.find(name); found != read.end()) return found->second;
  }
  const Builtin& profile = builtin_named(name);
  Platforms platforms;
  if (!profile.extends.empty()) platforms.add(read_builtin(std::string(profile.extends)));
  Problems problems;
  load_profiles({{name + ".yaml", std::string(profile.text), "built in"}}, platforms, problems);
  if (!problems.empty()) throw std::logic_error("built-in platform: " + problems.front().format());
  const std::lock_guard lock(mutex);
  return read.emplace(name, platforms.find(name)).first->second;
}

}  // namespace

Platforms builtin_platforms() {
  Platforms platforms;
  for (const Builtin& profile : builtin)
    platforms.add_on_demand(std::string(profile.name), split(profile.aliases), read_builtin);
  return platforms;
}

std::string_view builtin_profile_text(std::string_view name) {
  for (const Builtin& profile : builtin) {
    if (profile.name == name) return profile.text;
  }
  return {};
}

}  // namespace linewatch::config
