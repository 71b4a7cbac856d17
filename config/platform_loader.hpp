#pragma once
// Reads platform profiles (YAML) into Platforms: those built in, then a site's own directory over them. Every
// problem is found in one pass, with its place. Used at start and at a reload, on the loader's stack.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/platform.hpp"
#include "config/problem.hpp"

namespace linewatch::config {

struct ProfileText {
  std::string file;  // the name that problems carry
  std::string text;
  std::string origin;  // "built in" or the path
  bool operator==(const ProfileText&) const = default;
};

// Adds or replaces profiles. One that `extends` another starts from it, wherever in the list that one stands;
// what it writes is laid over, a list as a whole. A profile with an error is not added.
void load_profiles(const std::vector<ProfileText>& texts, Platforms& platforms, Problems& problems);

// A directory's profiles over the built-in ones, read again and again: a profile that means what it meant the
// last time is the same object.
class Profiles {
 public:
  // All *.yaml and *.yml, by name. A directory that cannot be read is a problem.
  Platforms read(const std::filesystem::path& directory, Problems& problems);

 private:
  std::vector<ProfileText> texts_;  // what platforms_ and problems_ were made of
  Platforms platforms_;
  Problems problems_;
};

// The text of a built-in profile, comments and all; empty if there is none of that name.
std::string_view builtin_profile_text(std::string_view name);

}  // namespace linewatch::config
