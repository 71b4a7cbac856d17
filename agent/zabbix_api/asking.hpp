#pragma once
// What one fetch came to, and whether it becomes the plan.

#include <filesystem>
#include <string>

#include "agent/zabbix_api/fetch.hpp"
#include "agent/zabbix_api/plan.hpp"

namespace linewatch::agent {

struct Asked {
  enum class Outcome {
    taken,    // it is the plan now, or was already
    failed,   // the API could not be asked, or not all of its answer
    refused,  // it would lose too many lines at once
  };
  Outcome outcome = Outcome::failed;
  bool changed = false;      // `plan` is another one than the last
  ApiPlan plan;              // what was answered; where it failed: empty
  std::string error;         // why it is not taken
  bool rejected = false;     // it failed since the account is not let in: asking again soon may lock it
  std::string disk_trouble;  // the plan is taken but could not be kept
};

// Decides, and keeps a plan that is taken on the disk. Where the rule of max_removal speaks against it, the
// plan on the disk counts too: `linewatch discover --accept` writes it there. `kept`: `last` is on the disk.
Asked judge(const config::ApiSettings& settings, const std::filesystem::path& state_dir, const ApiPlan& last,
            bool kept, connection::Result<std::vector<config::ApiHost>> answer);

}  // namespace linewatch::agent
