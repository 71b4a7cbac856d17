#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "config/address.hpp"
#include "config/file.hpp"
#include "config/item_key.hpp"
#include "config/loading.hpp"
#include "config/url.hpp"

namespace linewatch::config {

namespace {

constexpr std::uint16_t trapper_port = 10051;

// Servers with the places of their nodes, as they are written in several ways.
class ServerList {
 public:
  ServerList(const Source& source, const TlsSettings& tls, std::vector<ZabbixServer>& out)
      : source_(source), tls_(tls), out_(out) {}

  // As in ServerActive: ',' between destinations, ';' between the nodes of one cluster.
  void add_text(Reader& reader, YamlNode place, const std::string& path, std::string_view text) {
    while (true) {
      const std::size_t comma = std::min(text.find(','), text.size());
      ZabbixServer server{.tls = tls_};
      add_nodes(reader, place, path, text.substr(0, comma), server);
      keep(std::move(server));
      if (comma == text.size()) return;
      text.remove_prefix(comma + 1);
    }
  }

  void add_map(Reader& server_map) {
    ZabbixServer server{.tls = tls_};
    const YamlNode nodes = server_map.find("nodes");
    server_map.required("nodes", "write nodes: [10.0.0.5]");
    if (nodes && nodes.is_list()) {
      int index = 0;
      for (const YamlNode item : nodes) {
        const std::string path = fmt::format("{}[{}]", server_map.path("nodes"), index++);
        if (item.is_scalar()) {
          add_nodes(server_map, item, path, item.text(), server);
        } else {
          say(server_map, item, path, fmt::format("must be an address, not {}", kind_name(item)));
        }
      }
      if (index == 0) server_map.error("nodes", "is empty (write nodes: [10.0.0.5])");
    } else if (std::string text; server_map.text("nodes", text)) {
      add_nodes(server_map, nodes, server_map.path("nodes"), text, server);
    }
    read_tls(server_map, source_, server.tls);
    server_map.finish();
    keep(std::move(server));
  }

 private:
  static void say(Reader& reader, YamlNode place, const std::string& path, std::string text) {
    reader.problems().push_back(problem_at(place, Problem::Severity::error, path, std::move(text)));
  }

  void add_nodes(Reader& reader, YamlNode place, const std::string& path, std::string_view text,
                 ZabbixServer& server) {
    while (true) {
      const std::size_t end = std::min(text.find(';'), text.size());
      std::string_view one = text.substr(0, end);
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      auto node = parse_host_port(one, trapper_port);
      if (!node) {
        say(reader, place, path,
            fmt::format("{} is no address of a server (write 10.0.0.5, zabbix.example.net:10051 or "
                        "[2001:db8::5]:10051)",
                        in_quotes(one)));
      } else if (!seen_.insert(fmt::format("{} {}", node->host, node->port)).second) {
        say(reader, place, path,
            fmt::format("{} stands here twice; it would get every value twice", in_quotes(one)));
      } else {
        server.nodes.push_back({std::move(node->host), node->port});
      }
      if (end == text.size()) return;
      text.remove_prefix(end + 1);
    }
  }

  void keep(ZabbixServer server) {
    if (!server.nodes.empty()) out_.push_back(std::move(server));
  }

  const Source& source_;
  const TlsSettings& tls_;
  std::vector<ZabbixServer>& out_;
  std::set<std::string> seen_;
};

void read_servers(Reader& zabbix, const Source& source, ZabbixSettings& out) {
  TlsSettings tls;
  read_tls(zabbix, source, tls);
  constexpr std::string_view right = "no server to send to; write servers: [10.0.0.5]";
  if (!zabbix.written("servers")) {
    if (zabbix.ok()) zabbix.error("servers", fmt::format("missing ({})", right));
    return;
  }
  ServerList servers(source, tls, out.servers);
  const YamlNode written = zabbix.find("servers");
  if (written.is_scalar()) {
    servers.add_text(zabbix, written, zabbix.path("servers"), written.text());
    return;
  }
  const YamlNode list = zabbix.list("servers");
  int index = 0;
  for (const YamlNode item : list) {
    if (item.is_scalar()) {
      servers.add_text(zabbix, item, fmt::format("{}[{}]", zabbix.path("servers"), index), item.text());
    } else {
      Reader server(zabbix, "servers", index, item);
      if (server.ok()) servers.add_map(server);
    }
    ++index;
  }
  if (list && index == 0) zabbix.error("servers", std::string(right));
}

constexpr std::uint64_t least_disk = 1ULL << 20;  // the empty file has 36 KiB

void read_buffer(Reader& zabbix, BufferSettings& out) {
  Reader buffer(zabbix, "buffer", zabbix.find("buffer"));
  buffer.integer("memory", out.memory, 1, 100'000'000);
  if (buffer.octets("disk", out.disk, 0, 1ULL << 44) && out.disk > 0 && out.disk < least_disk)
    buffer.error("disk", "at least 1MiB, or 0 to keep all in memory");
  buffer.duration("max_age", out.max_age, 1min);
  buffer.word(
      "replay", out.replay,
      {{"in_order", BufferSettings::Replay::in_order}, {"fresh_first", BufferSettings::Replay::fresh_first}});
  buffer.word("synchronous", out.synchronous,
              {{"normal", BufferSettings::Synchronous::normal}, {"full", BufferSettings::Synchronous::full}});
  buffer.finish();
}

// Items that the agent fills itself, beside those of lines.
constexpr std::string_view other_own_items[] = {"lines.", "router.", "linewatch."};

// Two figures of one item would overwrite each other at every turn.
void check_keys_differ(Reader& keys, std::span<const std::string_view> figures,
                       const std::map<std::string, KeyMapping>& out) {
  std::map<std::string, std::string_view> taken;  // key: its figure
  for (const std::string_view figure : figures)
    if (!out.contains(std::string(figure))) taken.emplace("line." + std::string(figure), figure);
  for (const std::string_view figure : figures) {
    const auto mapped = out.find(std::string(figure));
    if (mapped == out.end() || mapped->second.key.empty()) continue;
    const auto [other, free] = taken.emplace(mapped->second.key, figure);
    if (!free)
      keys.error(figure, fmt::format("{} is the key of {} already (each figure needs an item of its own)",
                                     in_quotes(mapped->second.key), other->second));
  }
}

void read_keys(Reader& zabbix, std::map<std::string, KeyMapping>& out) {
  static constexpr std::string_view figures[] = {"status",  "up",         "loss",       "rtt.min",
                                                 "rtt.avg", "rtt.max",    "rtt.stddev", "jitter",
                                                 "error",   "check.time", "trace"};
  const auto is_text = [](std::string_view figure) { return figure == "error" || figure == "trace"; };
  Reader keys(zabbix, "keys", zabbix.find("keys"));
  for (const std::string_view figure : figures) {
    if (!keys.written(figure)) continue;
    Reader one(keys, figure, keys.find(figure));
    KeyMapping mapping;
    const YamlNode key = one.find("key");
    if (!key) one.error("key", "missing (write the item's key, or null for a figure that is not to be sent)");
    if (key && !key.is_null() && one.text("key", mapping.key) && !is_item_key(mapping.key))
      one.error("key", fmt::format("{} can be no item key in Zabbix (as line.loss or dedicatedLinePing)",
                                   in_quotes(mapping.key)));
    if (std::ranges::any_of(other_own_items,
                            [&](std::string_view own) { return mapping.key.starts_with(own); }))
      one.error("key", fmt::format("{} is one of the agent's own item keys (these begin with {})",
                                   in_quotes(mapping.key), fmt::join(other_own_items, ", ")));
    if (one.word("type", mapping.integer, {{"float", false}, {"integer", true}}) && is_text(figure))
      one.error("type", fmt::format("{} is a text", figure));
    if (one.word("words", mapping.ddl_words, {{"ddl", true}}) && figure != "error")
      one.error("words", "only error has words");
    one.finish();
    out[std::string(figure)] = std::move(mapping);
  }
  check_keys_differ(keys, figures, out);
  keys.finish();
}

void read_api_secrets(Reader& api, const Source& source, ApiSettings& out) {
  api.holds_secrets();
  read_secret(api, "token", source, out.token);
  read_line_of_text(api, "username", out.username, 255);
  read_secret(api, "password", source, out.password);
  const auto any = [&](std::string_view key) {
    for (const YamlNode node : api.map()) {
      if (!node.is_null() && node.key().starts_with(key)) return true;
    }
    return false;
  };
  const bool token = any("token"), password = any("password");
  if (token && password) api.error("write either a token or a username with a password");
  if (!token && !password) api.error("missing token_file (or username and password_file)");
  if (password && !token) api.required("username", "a password belongs to a username");
}

void check_api_url(const Reader& api, const std::string& text) {
  const auto url = parse_http_url(text);
  if (!url) return api.error("url", url.error());
  const bool at_home = url->host == "localhost" || url->host.starts_with("127.") || url->host == "::1";
  if (!url->tls && !at_home)
    api.warning("url", "the token or password goes over the network in the clear (write https://)");
}

void read_api(Reader& zabbix, const Source& source, std::optional<ApiSettings>& settings) {
  if (!zabbix.written("api")) return;
  Reader api(zabbix, "api", zabbix.find("api"));
  if (!api.ok()) return;
  ApiSettings out;
  if (api.required("url", "write https://zabbix.example.net/api_jsonrpc.php") &&
      read_line_of_text(api, "url", out.url, 2048)) {
    check_api_url(api, out.url);
  }
  read_named_file(api, "ca_file", source, largest_configuration, out.ca_file);
  read_api_secrets(api, source, out);
  read_line_of_text(api, "proxy", out.proxy, 128);
  read_line_of_text(api, "proxy_group", out.proxy_group, 128);
  if (!out.proxy.empty() && !out.proxy_group.empty())
    api.error("proxy_group", "write either proxy or proxy_group");
  Reader tags(api, "tag", api.find("tag"));
  for (const YamlNode tag : tags.map()) tags.text(tag.key(), out.tag[std::string(tag.key())]);
  api.duration("interval", out.interval, 10s, std::chrono::days{1});
  api.percent("max_removal", out.max_removal);
  using Maintenance = ApiSettings::Maintenance;
  api.word("maintenance", out.maintenance,
           {{"measure", Maintenance::measure}, {"pause", Maintenance::pause}});
  api.finish();
  settings = std::move(out);
}

}  // namespace

void load_zabbix(Source& main, ZabbixSettings& out) {
  Reader zabbix(main.root, "zabbix", main.root.find("zabbix"));
  read_servers(zabbix, main, out);
  if (zabbix.text_or_none("source_address", out.source_address) && !is_ip(out.source_address)) {
    zabbix.error("source_address", fmt::format("{} is not an address (write one of this host's own)",
                                               in_quotes(out.source_address)));
  }
  zabbix.boolean("compression", out.compression);
  zabbix.integer("batch_size", out.batch_size, 1, 100'000);
  zabbix.duration("flush_interval", out.flush_interval, 100ms, 1h);
  read_buffer(zabbix, out.buffer);
  zabbix.word("layout", out.layout, {{"discovery", Layout::discovery}, {"per_line", Layout::per_line}});
  zabbix.duration("discovery_hold", out.discovery_hold, 0s, 1h);
  read_keys(zabbix, out.keys);
  read_api(zabbix, main, out.api);
  zabbix.finish();
}

}  // namespace linewatch::config
