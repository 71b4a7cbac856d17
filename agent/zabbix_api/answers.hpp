#pragma once
// What Zabbix's answers hold, read without trust: whatever is missing or of another kind is empty. Pure.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/zabbix_api/macros.hpp"

namespace linewatch::agent {

using Json = nlohmann::ordered_json;

// Texts and numbers both, since versions differ in which they write.
std::string api_text(const Json& object, const char* key);
std::optional<std::uint64_t> api_id(const Json& object, const char* key);
const Json& api_list(const Json& object, const char* key);  // empty unless there is a list

// Of usermacro.get, or of "macros" in a host or template. Those with a context are left out.
Macros api_macro_values(const Json& list);
// The ids under "parentTemplates".
std::vector<std::uint64_t> api_parents(const Json& object);
// As {HOST.CONN}: of the main interface, agent before SNMP before JMX before IPMI; empty: there is none.
std::string api_interface_address(const Json& host);

}  // namespace linewatch::agent
