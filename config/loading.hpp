#pragma once
// What the parts of the loader share while a configuration is read: the files, the settings being filled, and
// where each router and line stands. Internal to config; lives on load()'s stack.

#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/address.hpp"
#include "config/document.hpp"
#include "config/file.hpp"
#include "config/kept.hpp"
#include "config/reader.hpp"
#include "config/settings.hpp"

namespace linewatch::config {

// Mode bits of a file that a secret should not stand in. The group may read: packages install 0640
// root:linewatch.
inline constexpr unsigned readable_by_others = 0004;

// One file. Readers of its maps refer to it, so it stays where it is.
struct Source {
  Source(std::filesystem::path file, unsigned permissions, KeptFile& kept_file, Problems& problems)
      : path(std::move(file)),
        mode(permissions),
        kept(kept_file),
        document(kept.document()),
        root(document.root(), problems) {}
  std::filesystem::path path;
  unsigned mode;  // its permission bits
  KeptFile& kept;
  const Document& document;
  Reader root;
};

// Where a router or line stands, to speak of it again after everything is read.
struct Place {
  const Source* source = nullptr;
  std::string_view list;  // "routers", "lines"
  int index = 0;
  YamlNode node;
  Reader reader() const { return {source->root, list, index, node}; }
  std::string text() const;  // file:line
};

struct Loading {
  Settings& settings;
  Problems& problems;
  Kept& kept;
  std::deque<Source> sources;  // the main file first
  bool complete = true;        // false if a file could not be read: names may be defined there
  std::unordered_map<std::string, YamlNode> credential_places;
  std::vector<Place> router_places, line_places;  // side by side with settings.routers and .lines
  std::vector<std::string_view> router_names;     // settings.routers', while lines are read
  std::vector<std::string_view> task_names;       // of the site's own tasks
  std::unordered_map<std::string, std::string>
      suggestions;  // by kind and name: the same slip is searched once

  const Router* router(const std::string& name) const {  // null if there is none; once routers are loaded
    const auto found = settings.router_index.find(name);
    return found == settings.router_index.end() ? nullptr : &settings.routers[found->second];
  }

  // " (did you mean ...?)" among many names; gives up after many different unknown names.
  std::string suggest(std::string_view kind, const std::string& name,
                      std::span<const std::string_view> known);
};

// Each reads its own sections from the main file's root.
void load_agent(Source& main, Settings& settings);
void load_zabbix(Source& main, ZabbixSettings& zabbix);
void load_host_keys(Source& main, HostKeySettings& host_keys);
void load_platforms(Source& main, Settings& settings, Profiles& profiles);

// Reads what is written over what `connection` holds; `total` belongs to the whole agent only.
void read_connection(Reader& around, ConnectionSettings& connection, bool whole_agent);

// Read from every file, in this order.
void load_credentials(Source& source, Loading& loading);
void load_tasks(Source& main, Loading& loading);
void load_routers(Loading& loading);
void load_lines(Loading& loading);

// What may stand in a router and in defaults.router, read over what `out` holds.
void read_router_settings(Reader& reader, Loading& loading, Router& out);
// A router's name and address.
void read_router_names(Reader& reader, Router& out);

// Of a line with its defaults: what may stand in defaults.line.
void read_line_settings(Reader& reader, Loading& loading, Line& line);
// A line of `router` (its name; null: it is not known, which was said), with its defaults and all checks that
// concern it alone.
Line read_line(Reader& reader, Loading& loading, const Router* router, std::string router_name);

// What needs more than one entry to judge: names, duplicates, circles.
void check_jumps(Loading& loading);
void check_total_sessions(Loading& loading);
void check_zabbix_hosts(const Loading& loading);

// The names under `tasks` of a router, a line or their defaults.
void read_task_names(Reader& reader, Loading& loading, std::vector<std::string>& out);
// Whether a router's and a line's tasks can be typed there; said at `task` or `tasks`.
void check_router_tasks(const Reader& reader, const Loading& loading, const Router& router);
void check_line_tasks(const Reader& reader, const Loading& loading, const Line& line, const Router& router);
// Two tasks that fill one item.
void check_task_items(const Loading& loading);
// A warning where a trace on loss is wanted and the platform cannot say it for this line.
void check_trace(const Reader& reader, const Line& line, const Platform& platform);
// ... or for none: once for each platform.
void check_traces(const Loading& loading);

// A warning for each key that is written and has no effect yet (see the table in without_effect.cpp).
void warn_of_keys_without_effect(const Loading& loading);

// What the router's ping can't say about this line. An error at the line's own key, or at the line.
void check_ping(const Reader& reader, const Line& line, const Router& router);

// A password by any of its ways: `key`, key_file, key_env, key_credential; at most one of them.
void read_secret(Reader& reader, std::string_view key, const Source& source, std::optional<Secret>& secret);
// A file that holds a secret; `path` as written. Unreadable, empty or readable by others is said at `key`.
std::optional<Secret> read_secret_file(Reader& reader, std::string_view key,
                                       const std::filesystem::path& path);

// The file that a key names, relative to the one it is written in; unreadable is said at `key`. Not for what
// holds one secret alone.
std::optional<FileText> read_named_file(Reader& reader, std::string_view key, const Source& source,
                                        std::size_t largest, std::filesystem::path& path);

// Over what `out` holds, if there is a `tls` in the map.
void read_tls(Reader& around, const Source& source, TlsSettings& out);

// A text of one line without control characters, at most `longest` octets, not empty.
bool read_line_of_text(Reader& reader, std::string_view key, std::string& out, std::size_t longest);
bool is_one_line(std::string_view text, std::size_t longest);

// A name that Zabbix can have given a host. The clause says why not.
std::optional<std::string> why_no_zabbix_host(std::string_view name);

}  // namespace linewatch::config
