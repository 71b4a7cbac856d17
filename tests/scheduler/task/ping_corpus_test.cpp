// Parsers judged by transcripts of real devices, where that collection lies beside the checkout (or where
// LINEWATCH_CORPUS says). Of the platforms that must not fail every one has to be read right, of all together
// 98 %.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "config/loader.hpp"
#include "scheduler/task/ping.hpp"
#include "scheduler/task/ping_json.hpp"

using namespace linewatch;
using nlohmann::json;

namespace {

std::filesystem::path corpus() {
  if (const char* named = std::getenv("LINEWATCH_CORPUS")) return named;
  return std::filesystem::path(LINEWATCH_SOURCE_DIR) / ".." / "shared" / "corpus";
}

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return std::move(text).str();
}

bool same(const json& expected, const json& got) {
  if (expected.is_number() && got.is_number())
    return std::abs(expected.get<double>() - got.get<double>()) < 0.0051;
  return expected == got;
}

// Where the text shows no counts, a dead line may be called total loss or unreachable, and a refusal by the
// network unreachable or an error.
bool same_status(const std::string& expected, const std::string& got, bool counts) {
  if (expected == got) return true;
  const auto among = [&](const char* one, const char* other) {
    return (expected == one || expected == other) && (got == one || got == other);
  };
  return !counts && (among("total_loss", "unreachable") || among("unreachable", "error"));
}

bool fits(const json& expected, const nlohmann::ordered_json& got) {
  const bool counts = !expected["sent"].is_null();
  return same(expected["sent"], got["sent"]) && same(expected["received"], got["received"]) &&
         same(expected["loss_percent"], got["loss_percent"]) &&
         same(expected["rtt_min_ms"], got["rtt_ms"]["min"]) &&
         same(expected["rtt_avg_ms"], got["rtt_ms"]["avg"]) &&
         same(expected["rtt_max_ms"], got["rtt_ms"]["max"]) &&
         same(expected["rtt_stddev_ms"], got["rtt_ms"]["stddev"]) &&
         same_status(expected["status"], got["status"].get<std::string>(), counts);
}

bool fits_any(const json& sample, const nlohmann::ordered_json& got) {
  if (fits(sample["expected"], got)) return true;
  for (const json& alternative : sample.value("alternative_expected", json::array())) {
    json expected = sample["expected"];
    expected.update(alternative);
    if (fits(expected, got)) return true;
  }
  return false;
}

}  // namespace

namespace {

struct Tally {
  int judged = 0, right = 0;
};

std::string missed(const json& sample, const nlohmann::ordered_json& got) {
  return fmt::format("{}{}\n  expected {}\n  got      {}\n", sample["file"].get<std::string>(),
                     sample.value("gate", true) ? "" : " (not judged)", sample["expected"].dump(),
                     got.dump());
}

}  // namespace

TEST_CASE("transcripts of real devices are read right") {
  const std::filesystem::path folder = corpus();
  if (!std::filesystem::exists(folder / "manifest.json")) {
    MESSAGE("skipped: no transcripts at " << folder.string());
    return;
  }
  const std::set<std::string> mandatory = {"cisco_iosxe", "cisco_iosxr", "cisco_nxos", "huawei_vrp",
                                           "h3c_comware"};
  const config::Platforms platforms = config::builtin_platforms();
  std::map<std::string, Tally> tallies;
  Tally all;
  std::string table;
  for (const json& sample : json::parse(content(folder / "manifest.json"))) {
    const std::string name = sample["platform"];
    const auto platform = platforms.find(name);
    if (!platform) {
      FAIL_CHECK("no profile for " << name);
      continue;
    }
    const auto figures =
        scheduler::parse_ping(*platform, content(folder / sample["file"].get<std::string>()));
    const auto got = scheduler::to_json(name, figures);
    const bool right = fits_any(sample, got);
    if (!right) table += missed(sample, got);
    if (!sample.value("gate", true)) continue;
    for (Tally* tally : {&all, &tallies[platform->name]}) {
      ++tally->judged;
      tally->right += right;
    }
  }
  MESSAGE("read right: " << all.right << " of " << all.judged << "\n" << table);
  for (const std::string& name : mandatory) {
    INFO(name);
    CHECK(tallies[name].judged > 0);
    CHECK(tallies[name].right == tallies[name].judged);
  }
  CHECK(all.right * 100 >= all.judged * 98);
}
