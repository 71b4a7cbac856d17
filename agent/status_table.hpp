#pragma once
// The answer of the running agent's status as tables for people, at most 120 columns wide unless names are
// long. Pure.

#include <nlohmann/json.hpp>
#include <string>

namespace linewatch::agent {

// `status`: {"agent":{..},"destinations":[..],"routers":[..]} as `linewatch status --json` prints it. What it
// lacks is shown as "-": it may come from an agent of another version. `in_detail`: sessions and lines, too.
std::string status_table(const nlohmann::ordered_json& status, bool in_detail);

}  // namespace linewatch::agent
