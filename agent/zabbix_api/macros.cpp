#include "agent/zabbix_api/macros.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "config/api_fields.hpp"

namespace linewatch::agent {

namespace {

const MacroValue* look_up(const Macros& own, const Macros& inherited, std::string_view name) {
  const auto of_host = own.find(name);
  if (of_host != own.end()) return &of_host->second;
  const auto found = inherited.find(name);
  return found == inherited.end() ? nullptr : &found->second;
}

// {$NAME} within a value. One that is unknown stays; a secret one makes the whole a secret.
MacroValue expanded(const MacroValue& value, const Macros& own, const Macros& inherited) {
  MacroValue out{.secret = value.secret};
  const std::string& text = value.text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find("{$", at);
    const std::size_t end = begin == std::string::npos ? begin : text.find('}', begin);
    if (end == std::string::npos) {
      out.text += text.substr(at);
      break;
    }
    const std::string name = text.substr(begin, end + 1 - begin);
    const MacroValue* inner = look_up(own, inherited, name);
    out.text += text.substr(at, begin - at) + (inner ? inner->text : name);
    out.secret = out.secret || (inner && inner->secret);
    at = end + 1;
  }
  return out;
}

}  // namespace

MacroResolver::MacroResolver(Macros global, ApiTemplates templates)
    : global_(std::move(global)), templates_(std::move(templates)) {}

void MacroResolver::resolve(const Macros& own, std::vector<std::uint64_t> linked, config::ApiHost& out) {
  const Macros& others = inherited(std::move(linked));
  for (const std::string_view name : config::api_macros()) {
    const MacroValue* value = look_up(own, others, name);
    if (!value) continue;
    MacroValue effective = expanded(*value, own, others);
    if (effective.secret) {
      out.secret.emplace(name);
    } else {
      out.macros.emplace(name, std::move(effective.text));
    }
  }
}

// Zabbix's server looks through all templates of one depth, by ascending id, before it goes deeper: so of
// equals the lowest id wins. A template that was seen is not looked at again, which bounds circles.
const Macros& MacroResolver::inherited(std::vector<std::uint64_t> linked) {
  std::ranges::sort(linked);
  const auto [place, added] = inherited_.try_emplace(linked);
  Macros& out = place->second;
  if (!added) return out;
  std::set<std::uint64_t> seen, level(linked.begin(), linked.end());
  while (!level.empty()) {
    std::set<std::uint64_t> deeper;
    for (const std::uint64_t id : level) {
      const auto found = templates_.find(id);
      if (!seen.insert(id).second || found == templates_.end()) continue;
      out.insert(found->second.macros.begin(), found->second.macros.end());  // what is there stays
      deeper.insert(found->second.parents.begin(), found->second.parents.end());
    }
    level = std::move(deeper);
  }
  out.insert(global_.begin(), global_.end());
  return out;
}

}  // namespace linewatch::agent
