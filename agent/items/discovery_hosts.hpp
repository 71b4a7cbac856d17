#pragma once
// Low-level discovery as a function of the plan: which lines each Zabbix host has, and what a host is told
// (docs/zabbix-items.md). Pure.

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace linewatch::agent {

// A host with its lines, whichever agent of the shard measures them: each says the same.
struct DiscoveryHost {
  std::string name;
  std::vector<const config::Line*> lines;  // in the order written; point into the settings
  bool ours = false;                       // this agent measures one of them, and so it says them
};

// By name; none in layout per_line. Lines with a host of their own are nobody's to discover.
std::vector<DiscoveryHost> discovery_hosts(const config::Settings& settings);

inline constexpr const char* discovery_key = "lines.discovery";

// The value of it: a JSON array with a row for each line, each with the same macros first.
std::string discovery_text(const DiscoveryHost& host);

// What has to be said when one plan follows another.
struct DiscoverySteps {
  std::vector<std::string> again;    // hosts of the plan after: their lines, or what is said of them, changed
  std::vector<std::string> left;     // hosts of the plan before that are other agents' from now on
  std::vector<std::string> emptied;  // hosts of the plan before that have no lines any more
};
DiscoverySteps discovery_steps(const std::vector<DiscoveryHost>& before,
                               const std::vector<DiscoveryHost>& after);

// Null: there is none of that name.
const DiscoveryHost* find_host(const std::vector<DiscoveryHost>& hosts, const std::string& name);

}  // namespace linewatch::agent
