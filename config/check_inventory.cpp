#include <fmt/format.h>

#include "config/loading.hpp"

namespace linewatch::config {

namespace {

using Index = std::unordered_map<std::string, std::size_t>;

void check_jump_names(Loading& loading, const Index& index) {
  const auto& routers = loading.settings.routers;
  std::vector<std::string_view> names;
  for (const Router& router : routers) names.push_back(router.name);
  for (std::size_t i = 0; i < routers.size(); ++i) {
    const std::string& jump = routers[i].jump;
    if (jump.empty() || index.contains(jump) || !loading.complete) continue;
    loading.router_places[i].reader().error("jump", fmt::format("there is no router {}{}", in_quotes(jump),
                                                                loading.suggest("router", jump, names)));
  }
}

// Says each circle once, at the first router that stands in it.
void check_jump_circles(const Loading& loading, const Index& index) {
  const auto& routers = loading.settings.routers;
  std::vector<std::size_t> seen_from(routers.size(), 0);  // 1 + the router whose walk came by
  for (std::size_t start = 0; start < routers.size(); ++start) {
    std::vector<std::size_t> walk;
    std::size_t at = start;
    while (seen_from[at] == 0) {
      seen_from[at] = start + 1;
      walk.push_back(at);
      const auto next = index.find(routers[at].jump);
      if (routers[at].jump.empty() || next == index.end()) break;
      at = next->second;
      if (seen_from[at] != start + 1) continue;
      std::string circle = routers[at].name;
      std::size_t first = 0;
      while (walk[first] != at) ++first;
      for (std::size_t i = first + 1; i < walk.size(); ++i) circle += " -> " + routers[walk[i]].name;
      loading.router_places[at].reader().error(
          "jump", fmt::format("the jumps go in a circle: {} -> {}", circle, routers[at].name));
    }
  }
}

}  // namespace

void check_jumps(Loading& loading) {
  Index index;
  const auto& routers = loading.settings.routers;
  for (std::size_t i = 0; i < routers.size(); ++i) index.try_emplace(routers[i].name, i);
  check_jump_names(loading, index);
  check_jump_circles(loading, index);
}

// With fewer sessions than the routers keep, the last ones in line would never have their turn.
void check_total_sessions(Loading& loading) {
  long long kept = 0;
  for (const Router& router : loading.settings.routers)
    kept += router.enabled ? std::max(1, router.connection.min_connections) : 0;
  const int total = loading.settings.connection.total.sessions;
  if (kept <= total || loading.sources.empty()) return;
  const YamlNode root = loading.sources.front().document.root();
  const YamlNode connection = root.find("connection");
  loading.problems.push_back(problem_at(
      connection ? connection : root, Problem::Severity::warning, "connection.total.sessions",
      fmt::format(
          "{} sessions are fewer than the {} that the routers keep (min_connections, at least 1 each): "
          "some lines would never be measured",
          total, kept)));
}

void check_zabbix_hosts(const Loading& loading) {
  if (loading.settings.zabbix.layout != Layout::per_line) return;
  std::unordered_map<std::string_view, std::size_t> first;
  const auto& lines = loading.settings.lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (!line.enabled || line.zabbix_host.empty()) continue;
    const Reader reader = loading.line_places[i].reader();
    if (const auto why = why_no_zabbix_host(line.zabbix_host)) {
      reader.warning(reader.map().find("zabbix_host") ? "zabbix_host" : "id", *why);
    }
    const auto [found, added] = first.try_emplace(line.zabbix_host, i);
    if (added || lines[found->second].id == line.id) continue;  // the same id is an error already
    reader.error("zabbix_host",
                 fmt::format("{} is the host of line {} too (layout per_line needs one for each)",
                             in_quotes(line.zabbix_host), in_quotes(lines[found->second].id)));
  }
}

}  // namespace linewatch::config
