#include "config/platform.hpp"

#include <algorithm>

namespace linewatch::config {

Pattern::Pattern(const std::string& text) : text_(text) {
  if (text.empty()) return;  // matches everywhere: never what a profile means
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_longest_match(false);
  auto re = std::make_shared<const RE2>("(?m)" + text, options);
  if (re->ok()) {
    for (const auto& [name, number] : re->NamedCapturingGroups()) groups_.emplace_back(name, number);
    required_ = required_text(text);
    at_line_start_ = text.front() == '^';
  }
  re_ = std::move(re);
}

int Pattern::group(std::string_view name) const {
  for (const auto& [known, number] : groups_) {
    const bool perhaps = known.size() == name.size() && known.front() == name.front();
    if (perhaps && known == name) return number;  // asked for often: see the text figures of `make bench`
  }
  return -1;
}

int PingOption::headers_left_out(bool ipv6) const {
  if (octets == Octets::ip_packet) return 0;
  const int ip = ipv6 ? 40 : 20, icmp = 8;
  return octets == Octets::icmp ? ip : ip + icmp;
}

void Platforms::add(std::shared_ptr<const Platform> platform) {
  add(platform->name, platform->aliases, Known{platform, nullptr});
}

void Platforms::add_on_demand(const std::string& name, const std::vector<std::string>& aliases, Read read) {
  add(name, aliases, Known{nullptr, read});
}

void Platforms::add(const std::string& name, const std::vector<std::string>& aliases, Known known) {
  std::erase_if(aliases_, [&](const auto& alias) { return alias.second == name; });
  for (const std::string& alias : aliases) aliases_[alias] = name;
  by_name_[name] = std::move(known);
}

void Platforms::keep_equal(const Platforms& earlier) {
  for (auto& [name, known] : by_name_) {
    const auto found = earlier.by_name_.find(name);
    if (!known.platform || found == earlier.by_name_.end() || !found->second.platform) continue;
    if (*known.platform == *found->second.platform) known.platform = found->second.platform;
  }
}

std::shared_ptr<const Platform> Platforms::find(const std::string& name) const {
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    const Known& known = found->second;
    return known.platform ? known.platform : known.read(name);
  }
  if (const auto alias = aliases_.find(name); alias != aliases_.end()) return find(alias->second);
  return nullptr;
}

std::vector<std::string> Platforms::names() const {
  std::vector<std::string> names;
  for (const auto& entry : by_name_) names.push_back(entry.first);
  return names;
}

std::vector<std::string> Platforms::names_and_aliases() const {
  std::vector<std::string> all = names();
  for (const auto& entry : aliases_) all.push_back(entry.first);
  std::ranges::sort(all);
  return all;
}

}  // namespace linewatch::config
