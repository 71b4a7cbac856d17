#pragma once
// The last plan that was taken from the Zabbix API, kept on disk so that a restart while the API is down
// changes nothing, and the rule that protects it. The file may hold routers' passwords (mode 0600).

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/api_lines.hpp"
#include "connection/error.hpp"

namespace linewatch::agent {

struct ApiPlan {
  std::string question;  // whose hosts these are: an answer to another question is no plan
  std::vector<config::ApiHost> hosts;
  bool operator==(const ApiPlan&) const = default;
};

// Proxy, proxy group and tags. Another URL of the same Zabbix asks the same.
std::string question_of(const config::ApiSettings& settings);

std::filesystem::path api_plan_file(const std::filesystem::path& state_dir);

// Nothing if there is no file, or one with the answer to another question. The error names the file, and is
// to be said: the file is then treated as if it were not there.
connection::Result<std::optional<ApiPlan>> read_api_plan(const std::filesystem::path& state_dir,
                                                         const std::string& question);

// Whole or not at all, on the disk when it returns; belongs to whom the folder belongs to.
connection::Result<void> write_api_plan(const std::filesystem::path& state_dir, const ApiPlan& plan);

// Why `next` is not to be taken after `last`: more than `max_removal` percent of the hosts that said all that
// a line needs would be gone at once, be they gone, disabled or without their macros. Empty: it is.
std::string too_many_lost(const std::vector<config::ApiHost>& last, const std::vector<config::ApiHost>& next,
                          double max_removal);

}  // namespace linewatch::agent
