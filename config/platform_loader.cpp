#include "config/platform_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "config/file.hpp"
#include "config/loader.hpp"
#include "config/platform_profile.hpp"

namespace linewatch::config {

namespace {

struct Pending {
  Pending(const ProfileText& profile, Problems& problems)
      : text(profile), document(profile.file, profile.text, problems) {
    const YamlNode root = document.root();
    if (!root.is_map()) return;
    if (const YamlNode node = root.find("name"); node && node.is_scalar()) name = node.text();
    if (const YamlNode node = root.find("extends"); node && node.is_scalar()) extends = node.text();
  }
  const ProfileText& text;
  Document document;
  std::string name, extends;
  bool done = false;
};

using PendingProfiles = std::deque<Pending>;

// Must `profile` wait for another one of this list that it starts from? Its own name means the one it
// replaces.
bool waits(const Pending& profile, const PendingProfiles& all) {
  return !profile.extends.empty() && profile.extends != profile.name &&
         std::ranges::any_of(
             all, [&](const Pending& other) { return !other.done && other.name == profile.extends; });
}

void check_names(const Reader& reader, const Platform& platform, const Platforms& platforms) {
  for (const std::string& alias : platform.aliases) {
    const auto other = platforms.find(alias);
    if (other && other->name != platform.name) {
      reader.error("aliases", fmt::format("'{}' already means {} ({})", alias, other->name, other->origin));
    }
  }
  const auto same = platforms.find(platform.name);
  if (same && same->name != platform.name) {
    reader.error("name",
                 fmt::format("'{}' is an alias of {} already; extend that", platform.name, same->name));
  }
}

void load(Pending& profile, Platforms& platforms, Problems& problems) {
  profile.done = true;
  if (!profile.document.readable()) return;
  const std::size_t known = problems.size();
  Reader reader(profile.document.root(), problems);
  auto platform = std::make_shared<Platform>();
  if (!profile.extends.empty()) {
    const auto base = platforms.find(profile.extends);
    if (!base && profile.extends == profile.name) {
      reader.error("extends",
                   fmt::format("'{}' is this profile itself (no other platform is called so)", profile.name));
      return platforms.refuse(profile.name);
    }
    if (!base) {
      platforms.refuse(profile.name);
      const std::vector<std::string> names = platforms.names_and_aliases();
      const std::vector<std::string_view> views(names.begin(), names.end());
      reader.error("extends", fmt::format("no platform '{}' is known{}", profile.extends,
                                          suggestion(profile.extends, views)));
      return;
    }
    *platform = *base;
    if (base->name != profile.name) platform->aliases.clear();
  }
  platform->origin = profile.text.origin;
  read_profile(reader, *platform);
  check_names(reader, *platform, platforms);
  if (problems.size() > known) return platforms.refuse(profile.name);
  platforms.add(std::move(platform));
}

void refuse_twins(PendingProfiles& profiles, Problems& problems) {
  for (auto profile = profiles.begin(); profile != profiles.end(); ++profile) {
    const auto twin = std::find_if(profiles.begin(), profile, [&](const Pending& other) {
      return !other.name.empty() && other.name == profile->name;
    });
    if (twin == profile) continue;
    Reader(profile->document.root(), problems)
        .error("name", fmt::format("'{}' is defined by {} already", profile->name, twin->text.file));
    profile->done = true;
  }
}

}  // namespace

void load_profiles(const std::vector<ProfileText>& texts, Platforms& platforms, Problems& problems) {
  PendingProfiles profiles;
  for (const ProfileText& text : texts) profiles.emplace_back(text, problems);
  refuse_twins(profiles, problems);
  for (bool progress = true; progress;) {
    progress = false;
    for (Pending& profile : profiles) {
      if (profile.done || waits(profile, profiles)) continue;
      load(profile, platforms, problems);
      progress = true;
    }
  }
  for (const Pending& profile : profiles) {
    if (!profile.done) {
      platforms.refuse(profile.name);
      Reader(profile.document.root(), problems)
          .error("extends", "these profiles extend each other in a circle");
    }
  }
}

namespace {

std::vector<std::filesystem::path> profiles_in(const std::filesystem::path& directory, Problems& problems) {
  std::error_code failure;
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entries(directory, failure);
  for (; !failure && entries != std::filesystem::directory_iterator(); entries.increment(failure)) {
    const std::string extension = entries->path().extension().string();
    const bool hidden = entries->path().filename().string().starts_with('.');
    if (!hidden && (extension == ".yaml" || extension == ".yml")) files.push_back(entries->path());
  }
  if (failure)
    problems.push_back(
        {.file = directory.string(), .path = "", .text = "cannot be read: " + failure.message()});
  std::ranges::sort(files);
  return files;
}

}  // namespace

Platforms Profiles::read(const std::filesystem::path& directory, Problems& problems) {
  constexpr std::size_t largest_profile = 1U << 20;
  std::vector<ProfileText> texts;
  for (const std::filesystem::path& file : profiles_in(directory, problems)) {
    auto read = read_file(file, largest_profile);
    if (read) {
      texts.push_back({file.string(), std::move(read->text), file.string()});
    } else {
      problems.push_back({.file = file.string(), .path = "", .text = "cannot be read: " + read.error()});
    }
  }
  if (texts_.empty() || texts != texts_) {
    Platforms platforms = builtin_platforms();
    problems_.clear();
    load_profiles(texts, platforms, problems_);
    platforms.keep_equal(platforms_);
    platforms_ = std::move(platforms);
    texts_ = std::move(texts);
  }
  problems.insert(problems.end(), problems_.begin(), problems_.end());
  return platforms_;
}

}  // namespace linewatch::config
