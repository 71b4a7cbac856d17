#include "agent/items/discovery_hosts.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

#include "aggregator/text.hpp"
#include "config/label.hpp"

namespace linewatch::agent {

namespace {

using Json = nlohmann::ordered_json;

Json row_of(const config::Line& line) {
  Json row = Json::object();
  const auto say = [&](const std::string& macro, const std::string& text) {
    row[macro] = aggregator::valid_text(text);
  };
  say("{#LINE}", line.id);
  say("{#NAME}", line.name);
  say("{#TARGET}", line.target);
  say("{#ROUTER}", line.router);
  say("{#VRF}", line.vrf);
  say("{#GROUP}", line.group);
  say("{#ROLE}", line.role);
  for (const char* label : {"customer", "provider", "circuit", "site"}) say(config::label_macro(label), "");
  const std::chrono::duration<double> interval = line.interval;
  say("{#INTERVAL}", aggregator::decimal(interval.count()).value_or(""));
  for (const auto& [label, text] : line.labels) say(config::label_macro(label), text);
  return row;
}

auto said(const config::Line& line) {
  return std::tie(line.id, line.name, line.target, line.router, line.vrf, line.group, line.role, line.labels,
                  line.interval);
}

bool same_rows(const DiscoveryHost& before, const DiscoveryHost& after) {
  return std::ranges::equal(before.lines, after.lines, [](const config::Line* a, const config::Line* b) {
    return said(*a) == said(*b);
  });
}

}  // namespace

std::vector<DiscoveryHost> discovery_hosts(const config::Settings& settings) {
  std::vector<DiscoveryHost> hosts;
  if (settings.zabbix.layout != config::Layout::discovery) return hosts;
  std::map<std::string_view, DiscoveryHost> by_name;
  for (const config::Line& line : settings.lines) {
    if (!line.enabled || line.own_host) continue;
    const config::Router* const router = settings.router(line.router);
    if (!router || !router->enabled) continue;
    DiscoveryHost& host = by_name[line.zabbix_host];
    host.lines.push_back(&line);
    host.ours = host.ours || router->in_shard;
  }
  hosts.reserve(by_name.size());
  for (auto& [name, host] : by_name) {
    host.name = name;
    hosts.push_back(std::move(host));
  }
  return hosts;
}

std::string discovery_text(const DiscoveryHost& host) {
  Json rows = Json::array();
  for (const config::Line* line : host.lines) rows.push_back(row_of(*line));
  return rows.dump();
}

DiscoverySteps discovery_steps(const std::vector<DiscoveryHost>& before,
                               const std::vector<DiscoveryHost>& after) {
  DiscoverySteps steps;
  for (const DiscoveryHost& host : before) {
    const DiscoveryHost* const next = find_host(after, host.name);
    if (!host.ours || (next && next->ours)) continue;
    (next ? steps.left : steps.emptied).push_back(host.name);
  }
  for (const DiscoveryHost& host : after) {
    const DiscoveryHost* const last = find_host(before, host.name);
    if (host.ours && (!last || !last->ours || !same_rows(*last, host))) steps.again.push_back(host.name);
  }
  return steps;
}

const DiscoveryHost* find_host(const std::vector<DiscoveryHost>& hosts, const std::string& name) {
  const auto found = std::ranges::lower_bound(hosts, name, {}, &DiscoveryHost::name);
  return found != hosts.end() && found->name == name ? &*found : nullptr;
}

}  // namespace linewatch::agent
