#pragma once
// Reads a configuration: the main file, its drop-ins, platform profiles, secrets. Every problem is found in one pass.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"

namespace linewatch::config {

struct Problem {
  enum class Severity { error, warning };
  std::string file;
  int line = 0, column = 0;  // from 1; 0 = the file as a whole
  Severity severity = Severity::error;
  std::string path;  // "routers[2].connection.max_connections"
  std::string text;  // what is wrong (what would be right)

  std::string format() const;  // file:line:column: error|warning: path: text
};

struct Loaded {
  Settings settings;              // complete only if there is no error
  std::vector<Problem> problems;  // in the order of files and places
  bool ok() const;                // no error (warnings are fine)
};

Loaded load(const std::filesystem::path& file);

// The built-in profiles alone, and one profile file over them: for `linewatch parse` and `platforms` without a configuration.
Platforms builtin_platforms();

}  // namespace linewatch::config
