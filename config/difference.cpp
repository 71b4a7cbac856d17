#include "config/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "config/counted.hpp"
#include "config/problem.hpp"

namespace linewatch::config {

namespace {

std::string shown(const std::string& text) {
  return text.empty() ? "none" : text;
}
std::string shown(const std::filesystem::path& path) {
  return shown(path.string());
}
std::string shown(bool value) {
  return value ? "true" : "false";
}
std::string shown(Duration value) {
  return format_duration(value);
}
template <class Number>
  requires(std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>)
std::string shown(Number value) {
  return fmt::to_string(value);
}
template <class Value>
std::string shown(const std::optional<Value>& value) {
  return value ? shown(*value) : "none";
}
std::string shown(const std::vector<std::string>& names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, " "));
}
std::string shown(const std::shared_ptr<const Platform>& platform) {
  return platform ? platform->name : "none";
}
std::string shown(Protocol protocol) {
  return protocol == Protocol::cli ? "cli" : "exec";
}
std::string shown(Resolve resolve) {
  return resolve == Resolve::router ? "router" : "agent";
}
std::string shown(Layout layout) {
  return layout == Layout::discovery ? "discovery" : "per_line";
}

// "interval 60s -> 30s, target ..." of one entry.
class Details {
 public:
  template <class Value>
  Details& of(std::string_view name, const Value& before, const Value& after) {
    if (before == after) return *this;
    const std::string from = shown(before), to = shown(after);
    // Told apart though they look alike: a profile of the same name with other contents.
    return from == to ? add(name) : add(fmt::format("{} {} -> {}", name, from, to));
  }
  // What is not shown: a secret, or what would be too long.
  template <class Value>
  Details& hidden(std::string_view name, const Value& before, const Value& after) {
    return before == after ? *this : add(name);
  }
  std::string text() && { return std::move(text_); }

 private:
  Details& add(std::string_view what) {
    if (!text_.empty()) text_ += ", ";
    text_ += what;
    return *this;
  }
  std::string text_;
};

Details& limits(Details& details, const ConnectionSettings& before, const ConnectionSettings& after) {
  details.of("connect_timeout", before.connect_timeout, after.connect_timeout)
      .of("read_timeout", before.read_timeout, after.read_timeout)
      .of("write_timeout", before.write_timeout, after.write_timeout)
      .of("health_check_timeout", before.health_check_timeout, after.health_check_timeout)
      .of("health_check_interval", before.health_check_interval, after.health_check_interval)
      .of("acquire_timeout", before.acquire_timeout, after.acquire_timeout)
      .of("max_connections", before.max_connections, after.max_connections)
      .of("min_connections", before.min_connections, after.min_connections)
      .of("max_waiters", before.max_waiters, after.max_waiters)
      .of("idle_timeout", before.idle_timeout, after.idle_timeout)
      .of("max_lifetime", before.max_lifetime, after.max_lifetime)
      .of("max_uses", before.max_uses, after.max_uses)
      .of("retry_max_attempts", before.retry_max_attempts, after.retry_max_attempts)
      .of("retry_timeout", before.retry_timeout, after.retry_timeout)
      .hidden("backoff", before.backoff, after.backoff)
      .hidden("breaker", before.breaker, after.breaker)
      .of("source_address", before.source_address, after.source_address);
  return details;
}

std::string details(const Router& before, const Router& after) {
  Details all;
  all.of("address", before.address, after.address)
      .of("port", before.port, after.port)
      .of("platform", before.platform, after.platform)
      .of("protocol", before.protocol, after.protocol)
      .of("credentials", before.credentials, after.credentials)
      .of("jump", before.jump, after.jump)
      .of("legacy_ssh", before.legacy_ssh, after.legacy_ssh)
      .of("tasks", before.tasks, after.tasks)
      .of("zabbix_host", before.zabbix_host, after.zabbix_host)
      .hidden("items of its own", before.own_items, after.own_items)
      .of("enabled", before.enabled, after.enabled)
      .of("in this agent's shard", before.in_shard, after.in_shard);
  return std::move(limits(all, before.connection, after.connection)).text();
}

std::string details(const Line& before, const Line& after) {
  Details all;
  all.of("router", before.router, after.router)
      .of("name", before.name, after.name)
      .of("target", before.target, after.target)
      .of("family", before.family, after.family)
      .of("resolve", before.resolve, after.resolve)
      .of("interval", before.interval, after.interval)
      .of("count", before.count, after.count)
      .of("warmup", before.warmup, after.warmup)
      .of("timeout", before.timeout, after.timeout)
      .of("size", before.size, after.size)
      .of("df", before.df, after.df)
      .of("dscp", before.dscp, after.dscp)
      .of("source", before.source, after.source)
      .of("vrf", before.vrf, after.vrf)
      .hidden("confirm", before.confirm, after.confirm)
      .hidden("trace", before.trace, after.trace)
      .of("task", before.task, after.task)
      .of("tasks", before.tasks, after.tasks)
      .of("zabbix_host", before.zabbix_host, after.zabbix_host)
      .hidden("own_host", before.own_host, after.own_host)
      .of("group", before.group, after.group)
      .of("role", before.role, after.role)
      .hidden("labels", before.labels, after.labels)
      .of("enabled", before.enabled, after.enabled);
  return std::move(all).text();
}

std::string details(const Credential& before, const Credential& after) {
  Details all;
  all.of("username", before.username, after.username)
      .hidden("password", before.password, after.password)
      .of("private_key_file", before.private_key_file, after.private_key_file)
      .hidden("private key", before.private_key, after.private_key)
      .hidden("private_key_passphrase", before.private_key_passphrase, after.private_key_passphrase)
      .of("agent", before.agent, after.agent)
      .hidden("enable_password", before.enable_password, after.enable_password)
      .hidden("lockout", before.lockout, after.lockout);
  return std::move(all).text();
}

std::string details(const Task& before, const Task& after) {
  Details all;
  all.of("interval", before.interval, after.interval)
      .of("timeout", before.timeout, after.timeout)
      .hidden("commands", before.commands, after.commands)
      .hidden("expect", before.expect, after.expect)
      .hidden("values", before.values, after.values);
  return std::move(all).text();
}

class Comparison {
 public:
  Comparison(const Settings& before, const Settings& after) : before_(before), after_(after) {}

  std::vector<Change> changes() && {
    whole_agent();
    zabbix();
    entries<Credential>(
        "credential", before_.credentials, after_.credentials,
        [](const auto& entry) -> const Credential& { return entry.second; }, &Credential::name);
    const auto itself = [](const auto& entry) -> const auto& { return entry; };
    entries<Task>("task", before_.tasks, after_.tasks, itself, &Task::name);
    entries<Router>("router", before_.routers, after_.routers, itself, &Router::name);
    entries<Line>("line", before_.lines, after_.lines, itself, &Line::id);
    return std::move(changes_);
  }

 private:
  static std::string named(const char* kind, const std::string& name) {
    return fmt::format("{} {}", kind, name);
  }
  template <class Value>
  void setting(Change::Kind kind, const char* name, const Value& before, const Value& after) {
    if (before != after)
      changes_.push_back({kind, name, fmt::format("{} -> {}", shown(before), shown(after))});
  }
  template <class Value>
  void whole(const char* name, const Value& before, const Value& after) {
    if (before != after) changes_.push_back({Change::Kind::changed, name, ""});
  }

  void whole_agent() {
    constexpr auto later = Change::Kind::after_restart;
    const AgentSettings &a = before_.agent, &b = after_.agent;
    setting(later, "agent.name", a.name, b.name);
    setting(later, "agent.threads", a.threads, b.threads);
    setting(later, "agent.state_dir", a.state_dir, b.state_dir);
    setting(later, "agent.control_socket", a.control_socket, b.control_socket);
    if (a.listen != b.listen) changes_.push_back({later, "agent.listen", ""});
    whole("agent.shard", a.shard, b.shard);
    setting(Change::Kind::changed, "agent.stop_timeout", a.stop_timeout, b.stop_timeout);
    whole("log.level", before_.log.level, after_.log.level);
    if (before_.log.format != after_.log.format) changes_.push_back({later, "log.format", ""});
    whole("host_keys", before_.host_keys, after_.host_keys);
    whole("connection.total", before_.connection.total, after_.connection.total);
  }

  void zabbix() {
    const ZabbixSettings &a = before_.zabbix, &b = after_.zabbix;
    whole("zabbix.servers", a.servers, b.servers);
    setting(Change::Kind::changed, "zabbix.source_address", a.source_address, b.source_address);
    setting(Change::Kind::changed, "zabbix.compression", a.compression, b.compression);
    setting(Change::Kind::changed, "zabbix.batch_size", a.batch_size, b.batch_size);
    setting(Change::Kind::changed, "zabbix.flush_interval", a.flush_interval, b.flush_interval);
    whole("zabbix.buffer", a.buffer, b.buffer);
    setting(Change::Kind::changed, "zabbix.layout", a.layout, b.layout);
    setting(Change::Kind::changed, "zabbix.discovery_hold", a.discovery_hold, b.discovery_hold);
    whole("zabbix.keys", a.keys, b.keys);
    whole("zabbix.api", a.api, b.api);
  }

  template <class Entry, class Container, class Get>
  void entries(const char* kind, const Container& before, const Container& after, Get get,
               std::string Entry::* name) {
    std::unordered_map<std::string_view, const Entry*> old;
    old.reserve(before.size());
    for (const auto& each : before) old.emplace(get(each).*name, &get(each));
    for (const auto& each : after) {
      const Entry& entry = get(each);
      const auto found = old.find(entry.*name);
      if (found == old.end()) {
        changes_.push_back({Change::Kind::added, named(kind, entry.*name), ""});
        continue;
      }
      if (!(*found->second == entry))
        changes_.push_back({Change::Kind::changed, named(kind, entry.*name), details(*found->second, entry)});
      old.erase(found);
    }
    for (const auto& each : before) {
      const Entry& entry = get(each);
      if (old.contains(entry.*name))
        changes_.push_back({Change::Kind::removed, named(kind, entry.*name), ""});
    }
  }

  const Settings &before_, &after_;
  std::vector<Change> changes_;
};

bool same_credentials(const Settings& settings_before, const Router& before, const Settings& settings_after,
                      const Router& after) {
  if (before.credentials != after.credentials) return false;
  return std::ranges::all_of(before.credentials, [&](const std::string& name) {
    const auto a = settings_before.credentials.find(name);
    const auto b = settings_after.credentials.find(name);
    return a != settings_before.credentials.end() && b != settings_after.credentials.end() &&
           a->second == b->second;
  });
}

bool same_jump(const Settings& settings_before, const std::string& before, const Settings& settings_after,
               const std::string& after) {
  if (before != after) return false;
  if (before.empty()) return true;
  const Router* const a = settings_before.router(before);
  const Router* const b = settings_after.router(after);
  return a && b && same_jump_host(settings_before, *a, settings_after, *b);
}

}  // namespace

std::string Change::text() const {
  const char* const sign = kind == Kind::added     ? "+"
                           : kind == Kind::removed ? "-"
                           : kind == Kind::changed ? "~"
                                                   : "!";
  std::string line = fmt::format("{} {}", sign, what);
  if (!detail.empty()) line += ": " + detail;
  if (kind == Kind::after_restart) line += " (takes effect after a restart)";
  return line;
}

std::vector<Change> compare(const Settings& before, const Settings& after) {
  return Comparison(before, after).changes();
}

std::string summary(const std::vector<Change>& changes) {
  if (changes.empty()) return "nothing has changed";
  constexpr const char* kinds[] = {"added", "removed", "changed", "changed, to take effect after a restart"};
  std::map<std::pair<Change::Kind, std::string>, std::uint64_t> counts;
  for (const Change& change : changes) {
    const std::size_t blank = change.what.find(' ');
    ++counts[{change.kind, blank == std::string::npos ? "setting" : change.what.substr(0, blank)}];
  }
  std::string text;
  for (const auto& [of, count] : counts) {
    if (!text.empty()) text += ", ";
    text += counted(count, of.second) + " " + kinds[static_cast<std::size_t>(of.first)];
  }
  return text;
}

bool same_way_in(const Settings& settings_before, const Router& before, const Settings& settings_after,
                 const Router& after) {
  const auto access = [](const Router& router) {
    const ConnectionSettings& limits = router.connection;
    return std::tie(router.address, router.port, router.platform, router.protocol, router.legacy_ssh,
                    limits.connect_timeout, limits.read_timeout, limits.write_timeout,
                    limits.health_check_timeout, limits.source_address);
  };
  return access(before) == access(after) &&
         same_credentials(settings_before, before, settings_after, after) &&
         same_jump(settings_before, before.jump, settings_after, after.jump);
}

bool same_jump_host(const Settings& settings_before, const Router& before, const Settings& settings_after,
                    const Router& after) {
  return before.connection.idle_timeout == after.connection.idle_timeout &&
         before.connection.backoff == after.connection.backoff &&
         same_way_in(settings_before, before, settings_after, after);
}

}  // namespace linewatch::config
