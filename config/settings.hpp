#pragma once
// Everything an operator can say, as plain structs; each default is the documented one (README,
// "Configuration"). The loader fills them and validation has passed before anybody else sees them.

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/duration.hpp"
#include "config/platform.hpp"
#include "config/secret.hpp"
#include "config/task.hpp"

namespace linewatch::config {

using namespace std::chrono_literals;

// One of several agents that share a plan: which part of its routers is this one's.
struct Shard {
  int index = 1, of = 1;
  // The same on every machine; another `of` moves routers between agents.
  bool holds(std::string_view router) const;
  bool operator==(const Shard&) const = default;
};

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const ListenAddress&) const = default;
};

struct AgentSettings {
  std::string name;  // default: the host name
  int threads = 1;
  Shard shard;
  std::filesystem::path state_dir = "/var/lib/linewatch";
  std::optional<ListenAddress> listen = ListenAddress{"127.0.0.1", 10055};
  std::filesystem::path control_socket = "/run/linewatch/control.sock";  // empty: off
  Duration stop_timeout = 8s;
  bool operator==(const AgentSettings&) const = default;
};

enum class LogLevel { trace, debug, info, warn, error };
enum class LogFormat { text, json };
struct LogSettings {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  bool operator==(const LogSettings&) const = default;
};

struct TlsSettings {
  enum class Connect { unencrypted, psk, cert };
  Connect connect = Connect::unencrypted;
  std::string psk_identity;
  // Resolved by the loader, and what it read from them.
  std::filesystem::path psk_file, ca_file, cert_file, key_file, crl_file;
  Secret psk, key;                                      // hexadecimal digits; PEM
  std::string ca, cert, crl;                            // PEM
  std::string server_cert_subject, server_cert_issuer;  // RFC 4514, as Zabbix spells them; empty: any
  bool operator==(const TlsSettings&) const = default;
};

struct Node {
  std::string host;
  std::uint16_t port = 10051;
  bool operator==(const Node&) const = default;
};

struct ZabbixServer {  // one destination: one server or the nodes of one cluster, tried in turn
  std::vector<Node> nodes;
  TlsSettings tls;
  bool operator==(const ZabbixServer&) const = default;
};

struct BufferSettings {
  enum class Replay { in_order, fresh_first };
  enum class Synchronous { normal, full };
  std::uint64_t memory = 100000;  // values
  std::uint64_t disk = 1ULL << 30;
  Duration max_age = std::chrono::days{7};
  Replay replay = Replay::in_order;
  Synchronous synchronous = Synchronous::normal;
  bool operator==(const BufferSettings&) const = default;
};

enum class Layout { discovery, per_line };

struct KeyMapping {        // one entry of zabbix.keys
  std::string key;         // without the line's id; empty: the figure is not sent
  bool integer = false;    // type: integer
  bool ddl_words = false;  // words: ddl
  bool operator==(const KeyMapping&) const = default;
};

struct ApiSettings {
  std::string url;
  std::filesystem::path ca_file;  // resolved; empty: the system's trust store
  std::string username;
  std::optional<Secret> password, token;
  std::string proxy, proxy_group;
  std::map<std::string, std::string> tag;
  Duration interval = 5min;
  double max_removal = 30;  // percent
  enum class Maintenance { measure, pause };
  Maintenance maintenance = Maintenance::measure;
  bool operator==(const ApiSettings&) const = default;
};

struct ZabbixSettings {
  std::vector<ZabbixServer> servers;
  std::string source_address;  // empty: the system's choice
  bool compression = true;
  int batch_size = 250;
  Duration flush_interval = 5s;
  BufferSettings buffer;
  Layout layout = Layout::discovery;
  Duration discovery_hold = 2min;
  std::map<std::string, KeyMapping> keys;  // by the figure's name: status up loss rtt.min ... error
  std::optional<ApiSettings> api;
  bool operator==(const ZabbixSettings&) const = default;
};

struct Backoff {
  Duration first = 1s, max = 5min;
  bool operator==(const Backoff&) const = default;
};
struct BreakerSettings {
  int failures = 5;
  Duration cool_down = 1min;
  bool operator==(const BreakerSettings&) const = default;
};
struct TotalLimits {  // the whole agent's
  int sessions = 5000, logins = 64, logins_per_second = 50;
  bool operator==(const TotalLimits&) const = default;
};

struct ConnectionSettings {
  Duration connect_timeout = 30s, read_timeout = 30s, write_timeout = 10s;
  Duration health_check_timeout = 5s, health_check_interval = 210s;
  Duration acquire_timeout = 60s;
  int max_connections = 2, min_connections = 1, max_waiters = 1000;
  Duration idle_timeout = 5min, max_lifetime = 30min;
  int max_uses = 1500;
  int retry_max_attempts = 2;
  Duration retry_timeout = 30s;
  Backoff backoff;
  BreakerSettings breaker;
  std::string source_address;
  TotalLimits total;
  bool operator==(const ConnectionSettings&) const = default;
};

struct HostKeySettings {
  enum class Policy { strict, accept_new, off };
  Policy policy = Policy::strict;
  std::filesystem::path known_hosts_file;  // resolved; default: known_hosts beside the main file
  bool operator==(const HostKeySettings&) const = default;
};

struct Lockout {
  enum class Scope { account, router };
  int rejections = 2;
  Scope scope = Scope::account;
  Duration retry = 15min;
  bool operator==(const Lockout&) const = default;
};

struct Credential {
  std::string name;
  std::string username;
  std::optional<Secret> password;
  std::filesystem::path private_key_file;  // empty: none
  Secret private_key;                      // the file's text (PEM or OpenSSH), read and checked by the loader
  std::optional<Secret> private_key_passphrase;
  bool agent = false;
  std::optional<Secret> enable_password;
  Lockout lockout;
  bool operator==(const Credential&) const = default;
};

enum class Protocol { cli, exec };

struct Router {
  std::string name;
  std::string address;  // literal or name
  std::uint16_t port = 22;
  std::shared_ptr<const Platform> platform;
  Protocol protocol = Protocol::cli;
  std::vector<std::string> credentials;  // names, tried in order
  std::string jump;                      // another router's name, or empty
  bool legacy_ssh = false;
  ConnectionSettings connection;   // the global ones with the router's own laid over
  std::vector<std::string> tasks;  // names of the site's own tasks
  std::string zabbix_host;
  bool own_items = false;  // router.status and the like go there: it is written, or the layout is discovery
  bool enabled = true;
  bool in_shard = true;  // false: another agent's (agent.shard)

  bool measured() const { return enabled && in_shard; }

  // The same object as platform: a Loader gives an unchanged profile again.
  bool operator==(const Router&) const = default;
};

enum class Resolve { router, agent };

struct Confirm {
  int times = 0;
  Duration after = 10s;
  bool operator==(const Confirm&) const = default;
};

// One traceroute when the line turns bad, at most one in so long a time.
struct TraceSettings {
  bool on_loss = false;
  Duration at_most_every = 15min;
  bool operator==(const TraceSettings&) const = default;
};

struct Line {
  std::string id, name, router, target;
  int family = 4;  // for names; for addresses what the address is
  Resolve resolve = Resolve::router;
  Duration interval = 3min;
  int count = 5, warmup = 0;
  Duration timeout = 2s;
  std::optional<int> size;  // octets of the whole IP packet
  bool df = false;
  int dscp = 0;
  std::string source;  // address or interface, or empty
  std::string vrf;     // or empty
  Confirm confirm;
  TraceSettings trace;
  std::string task = "ping";  // what is done at the line's interval; a task of the site's own has its own
  std::vector<std::string> tasks;  // what is done besides
  std::string zabbix_host;  // resolved: the router's in layout discovery, the id in per_line, unless written
  bool own_host = false;  // that host is this line's alone, whatever the layout: it came from the Zabbix API
  std::string group, role;  // role: primary, backup or empty
  std::map<std::string, std::string> labels;
  bool enabled = true;

  bool pinged() const { return task == "ping"; }
  std::vector<std::string> own_tasks() const;  // names of those of the site's own: task and tasks

  // A run's own limit: count x max(timeout, probe interval) + 5 s (face: connection.read_timeout). Longer
  // where the command cannot say the timeout and the device waits longer by itself.
  Duration run_limit(const Platform& platform) const;
  // Can the platform's command say the timeout? Else the agent imposes it.
  bool says_timeout(const Platform& platform) const;
  bool operator==(const Line&) const = default;
};

// What an entry has where it says nothing itself; kept for lines that come later, from the Zabbix API.
struct Defaults {
  Router router;                            // defaults.router; without platform, credentials: none is written
  Line line;                                // defaults.line over the built-in ones
  std::map<std::string, Line> router_line;  // routers[].defaults.line over those, by the router's name
};

// Where routers and lines are written, side by side with those that the files hold.
struct Origins {
  struct Place {
    std::uint32_t file = 0;  // into files
    int line = 0, column = 0;
  };
  std::vector<std::string> files;
  std::vector<Place> routers, lines;

  std::string text(const Place& place) const;  // file:line:column
};

struct Settings {
  AgentSettings agent;
  LogSettings log;
  ZabbixSettings zabbix;
  ConnectionSettings connection;
  HostKeySettings host_keys;
  std::map<std::string, Credential> credentials;
  std::vector<Router> routers;  // in the order written
  std::vector<Line> lines;      // in the order written
  std::vector<Task> tasks;      // in the order written
  Platforms platforms;
  Defaults defaults;
  Origins origins;

  // Null if unknown. Fast once index() has run (the loader does so); right in any case.
  const Router* router(const std::string& name) const;
  const Line* line(const std::string& id) const;
  const Task* task(std::string_view name) const;
  void index();

  std::unordered_map<std::string, std::size_t> router_index, line_index;  // where a name was when index() ran
};

}  // namespace linewatch::config
