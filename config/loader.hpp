#pragma once
// Reads a configuration: the main file, its drop-ins, platform profiles, secrets. Every problem is found in
// one pass.

#include <filesystem>
#include <memory>
#include <vector>

#include "config/file.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

namespace linewatch::config {

struct Kept;

struct Loaded {
  Settings settings;              // complete only if there is no error
  std::vector<Problem> problems;  // in the order of files and places
  Sources sources;                // what all this depends on
  bool ok() const;                // no error (warnings are fine)
};

// Reads one configuration again and again, as at each reload.
class Loader {
 public:
  explicit Loader(std::filesystem::path main_file);
  Loader(Loader&& other) noexcept;
  Loader& operator=(Loader&& other) noexcept;
  ~Loader();

  // Reads everything as it is now; what has not changed since the last call costs little, and a site's
  // platform profile that has not is the same object again. Not thread-safe, but need not stay on one thread.
  Loaded load();

 private:
  std::unique_ptr<Kept> kept_;
};

// Reads it once.
Loaded load(const std::filesystem::path& file);

// The built-in profiles alone, and one profile file over them: for `linewatch parse` and `platforms` without
// a configuration.
Platforms builtin_platforms();

}  // namespace linewatch::config
