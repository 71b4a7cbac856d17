#pragma once
// The project's own transcripts: what each platform prints, written in its format, with what it means beside
// it.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "config/loader.hpp"

namespace linewatch::test {

struct Transcript {
  std::string platform, name, text;
  nlohmann::ordered_json expected;
};

inline std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return std::move(text).str();
}

inline std::vector<Transcript> transcripts() {
  const auto folder = std::filesystem::path(LINEWATCH_SOURCE_DIR) / "tests/scheduler/task/transcripts";
  std::vector<Transcript> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    auto expected = entry.path();
    all.push_back({entry.path().parent_path().filename().string(), entry.path().stem().string(),
                   content(entry.path()),
                   nlohmann::ordered_json::parse(content(expected.replace_extension(".json")))});
  }
  std::ranges::sort(all, {}, [](const Transcript& each) { return each.platform + "/" + each.name; });
  return all;
}

inline std::shared_ptr<const config::Platform> platform(const std::string& name) {
  auto found = config::builtin_platforms().find(name);
  if (!found) throw std::runtime_error("no platform " + name);
  return found;
}

}  // namespace linewatch::test
