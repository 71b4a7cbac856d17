#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/address.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

// Which keys a default has settled, be it with a wrong value: that is one problem, not one for each router.
struct Settled {
  bool platform = false, credentials = false;
};

std::vector<std::string_view> views(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

void read_platform(Reader& reader, Loading& loading, Router& out) {
  std::string name;
  if (!reader.text("platform", name)) return;
  out.platform = loading.settings.platforms.find(name);
  if (out.platform || loading.settings.platforms.refused(name)) return;
  const std::vector<std::string> known = loading.settings.platforms.names_and_aliases();
  reader.error("platform", fmt::format("unknown platform {}{}", in_quotes(name),
                                       loading.suggest("platform", name, views(known))));
}

void read_credential_names(Reader& reader, Loading& loading, Router& out) {
  if (!reader.texts("credentials", out.credentials)) return;
  if (out.credentials.empty()) reader.error("credentials", "is empty (write the name of a credential)");
  if (!loading.complete) return;
  std::vector<std::string_view> known;
  for (const auto& [name, place] : loading.settings.credentials) known.push_back(name);
  std::set<std::string_view> seen;
  for (const std::string& name : out.credentials) {
    if (!loading.settings.credentials.contains(name)) {
      reader.error("credentials", fmt::format("there are no credentials {}{}", in_quotes(name),
                                              loading.suggest("credentials", name, known)));
    } else if (!seen.insert(name).second) {
      reader.error("credentials", fmt::format("{} is named twice", in_quotes(name)));
    }
  }
}

}  // namespace

void read_router_settings(Reader& reader, Loading& loading, Router& out) {
  reader.integer("port", out.port, 1, 65535);
  read_platform(reader, loading, out);
  reader.word("protocol", out.protocol, {{"cli", Protocol::cli}, {"exec", Protocol::exec}});
  read_credential_names(reader, loading, out);
  reader.text_or_none("jump", out.jump);
  reader.boolean("legacy_ssh", out.legacy_ssh);
  read_connection(reader, out.connection, false);
  read_task_names(reader, loading, out.tasks);
  read_line_of_text(reader, "zabbix_host", out.zabbix_host, 128);
  reader.boolean("enabled", out.enabled);
  out.in_shard = loading.settings.agent.shard.holds(out.name);
}

void read_router_names(Reader& reader, Router& out) {
  if (reader.required("name", "write a name that lines can refer to")) {
    read_line_of_text(reader, "name", out.name, 128);
  }
  if (reader.required("address", "write the router's address or host name") &&
      reader.text("address", out.address) && !is_ip(out.address) && !is_host_name(out.address)) {
    reader.error("address", fmt::format("{} is not an address or a host name", in_quotes(out.address)));
  }
}

namespace {

Router read_router(Reader& reader, Loading& loading, const Router& defaults, Settled settled) {
  Router out = defaults;
  read_router_names(reader, out);
  read_router_settings(reader, loading, out);
  if (!settled.platform) reader.required("platform", "write one, or defaults.router.platform");
  if (!settled.credentials) reader.required("credentials", "write a name, or defaults.router.credentials");
  out.own_items = !out.zabbix_host.empty() || loading.settings.zabbix.layout == Layout::discovery;
  if (out.zabbix_host.empty()) out.zabbix_host = out.name;
  if (!out.zabbix_host.empty()) {
    const char* key = reader.written("zabbix_host") ? "zabbix_host" : "name";
    if (const auto why = why_no_zabbix_host(out.zabbix_host)) reader.warning(key, *why);
  }
  Reader own_defaults(reader, "defaults", reader.find("defaults"));
  if (const YamlNode node = own_defaults.submap("line")) {
    Line line = loading.settings.defaults.line;
    Reader line_reader(own_defaults, "line", node);
    read_line_settings(line_reader, loading, line);
    line_reader.finish();
    loading.settings.defaults.router_line.try_emplace(out.name, std::move(line));
  }
  own_defaults.finish();
  check_router_tasks(reader, loading, out);
  reader.finish();
  return out;
}

Router read_defaults(Loading& loading, Settled& settled) {
  Source& main = loading.sources.front();
  Router router;
  router.connection = loading.settings.connection;
  Reader defaults(main.root, "defaults", main.root.find("defaults"));
  Reader reader(defaults, "router", defaults.find("router"));
  read_router_settings(reader, loading, router);
  settled = {.platform = reader.written("platform"), .credentials = reader.written("credentials")};
  for (const char* key : {"name", "address"})
    reader.misplaced(key, "belongs to each router, it can't be a default");
  reader.misplaced("defaults", "belongs to each router (the defaults of all lines are defaults.line)");
  reader.finish();
  Reader line(defaults, "line", defaults.find("line"));
  read_line_settings(line, loading, loading.settings.defaults.line);
  line.finish();
  defaults.finish();
  return router;
}

// Two pools that know nothing of each other would log in to one router.
void warn_of_shared_addresses(const Loading& loading) {
  std::unordered_map<std::string, std::size_t> first;
  const auto& routers = loading.settings.routers;
  for (std::size_t i = 0; i < routers.size(); ++i) {
    const Router& router = routers[i];
    if (!router.enabled || router.address.empty()) continue;
    const std::string place = fmt::format("{} {} {}", router.address, router.port, router.jump);
    const auto [found, added] = first.try_emplace(place, i);
    if (added) continue;
    loading.router_places[i].reader().warning(
        "address", fmt::format("{} port {} is router {} too; its sessions are counted for each of them",
                               router.address, router.port, in_quotes(routers[found->second].name)));
  }
}

}  // namespace

void load_routers(Loading& loading) {
  Settled settled;
  loading.settings.defaults.router = read_defaults(loading, settled);
  const Router& defaults = loading.settings.defaults.router;
  auto& routers = loading.settings.routers;
  auto& first = loading.settings.router_index;
  for (Source& source : loading.sources) {
    int index = 0;
    for (const YamlNode node : source.root.list("routers")) {
      const Place place{&source, "routers", index++, node};
      Reader reader(source.root, "routers", place.index, node);
      if (!reader.ok()) continue;
      Router router = read_router(reader, loading, defaults, settled);
      if (const auto [found, added] = first.try_emplace(router.name, routers.size());
          !added && !router.name.empty()) {
        reader.error("name", fmt::format("duplicate name {} (first at {})", in_quotes(router.name),
                                         loading.router_places[found->second].text()));
      }
      routers.push_back(std::move(router));
      loading.router_places.push_back(place);
    }
  }
  check_jumps(loading);
  check_total_sessions(loading);
  warn_of_shared_addresses(loading);
}

}  // namespace linewatch::config
