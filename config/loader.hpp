#pragma once
// Reads a configuration: the main file, its drop-ins, platform profiles, secrets. Every problem is found in
// one pass.

#include <filesystem>
#include <string>
#include <vector>

#include "config/problem.hpp"
#include "config/settings.hpp"

namespace linewatch::config {

struct Loaded {
  Settings settings;              // complete only if there is no error
  std::vector<Problem> problems;  // in the order of files and places
  bool ok() const;                // no error (warnings are fine)
};

Loaded load(const std::filesystem::path& file);

// The built-in profiles alone, and one profile file over them: for `linewatch parse` and `platforms` without
// a configuration.
Platforms builtin_platforms();

}  // namespace linewatch::config
