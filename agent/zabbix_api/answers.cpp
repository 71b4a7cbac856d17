#include "agent/zabbix_api/answers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace linewatch::agent {

std::string api_text(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number_integer() ? found->dump() : std::string();
}

std::optional<std::uint64_t> api_id(const Json& object, const char* key) {
  const std::string text = api_text(object, key);
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

const Json& api_list(const Json& object, const char* key) {
  static const Json none = Json::array();
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}

Macros api_macro_values(const Json& list) {
  Macros out;
  if (!list.is_array()) return out;
  for (const Json& macro : list) {
    const std::string name = api_text(macro, "macro"), type = api_text(macro, "type");
    if (!name.starts_with("{$") || !name.ends_with("}") || name.find(':') != std::string::npos) continue;
    const bool secret = type == "1" || type == "2" || !macro.contains("value");
    out[name] = {.text = secret ? "" : api_text(macro, "value"), .secret = secret};
  }
  return out;
}

std::vector<std::uint64_t> api_parents(const Json& object) {
  std::vector<std::uint64_t> out;
  for (const Json& parent : api_list(object, "parentTemplates"))
    if (const auto id = api_id(parent, "templateid")) out.push_back(*id);
  return out;
}

std::string api_interface_address(const Json& host) {
  constexpr std::array<std::string_view, 4> order{"1", "2", "4", "3"};  // agent, SNMP, JMX, IPMI
  std::size_t best = order.size();
  std::string address;
  for (const Json& interface : api_list(host, "interfaces")) {
    const auto rank =
        static_cast<std::size_t>(std::ranges::find(order, api_text(interface, "type")) - order.begin());
    if (api_text(interface, "main") != "1" || rank >= best) continue;
    best = rank;
    address = api_text(interface, api_text(interface, "useip") == "0" ? "dns" : "ip");
  }
  return address;
}

}  // namespace linewatch::agent
