#include "agent/zabbix_api/host_questions.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "agent/items/discovery_hosts.hpp"
#include "agent/zabbix_api/answers.hpp"
#include "agent/zabbix_api/refusal_reason.hpp"
#include "config/problem.hpp"

namespace linewatch::agent {

using aggregator::RefusedItem;
using aggregator::RefusedItems;
using connection::Awaitable;
using connection::Context;
using connection::Result;

namespace {

constexpr ApiVersion first_with_groups{7, 0};
constexpr std::size_t hosts_a_call = 500;       // of host.get
constexpr std::size_t item_hosts_a_call = 100;  // of item.get
constexpr std::size_t most_items = 10'000;      // of one answer; what is missing in such a one may be there

using Names = std::set<std::string>;

std::vector<Names> in_parts(const Names& all, std::size_t size) {
  std::vector<Names> parts;
  for (const std::string& name : all) {
    if (parts.empty() || parts.back().size() == size) parts.emplace_back();
    parts.back().insert(name);
  }
  return parts;
}

class HostAsking {
 public:
  HostAsking(ApiClient& client, HostQuestion question) : client_(client), question_(std::move(question)) {}

  Awaitable<Result<HostAnswer>> run(Context ctx) {
    const std::vector<Names> hosts = in_parts(all_hosts(), hosts_a_call);
    for (const Names& part : hosts) {
      const Result<void> got = co_await get_hosts(ctx, part);
      if (!got) co_return std::unexpected(got.error());
    }
    note_refused();
    const std::vector<Names> with_items = in_parts(refused_ids_, item_hosts_a_call);
    for (const Names& part : with_items) {
      const Result<void> got = co_await get_items(ctx, part);
      if (!got) co_return std::unexpected(got.error());
    }
    co_await get_monitors(ctx);
    co_return answer();
  }

 private:
  bool groups() const { return client_.version() >= first_with_groups; }

  Names all_hosts() const {
    Names names(question_.hosts.begin(), question_.hosts.end());
    for (const RefusedItems& refused : question_.refused)
      for (const RefusedItem& item : refused.items) names.insert(item.host);
    return names;
  }

  // Null: there is none, or none that this account may read.
  const Json& host_of(const std::string& name) const {
    static const Json none;
    const auto found = hosts_.find(name);
    return found == hosts_.end() ? none : found->second;
  }

  Json host_params(const Names& names) const {
    Json params;
    params["output"] =
        Json::array({"hostid", "host", "status", "maintenance_status", "maintenance_type", "tls_accept"});
    if (groups()) {
      for (const char* field : {"monitored_by", "proxyid", "proxy_groupid"})
        params["output"].push_back(field);
    } else {
      params["output"].push_back("proxy_hostid");
    }
    params["filter"]["host"] = names;
    return params;
  }

  Awaitable<Result<void>> get_hosts(Context ctx, Names names) {
    const std::string method = "host.get";
    Json params = host_params(names);
    Result<Json> found = co_await client_.list(ctx, method, std::move(params));
    if (!found) co_return std::unexpected(found.error());
    for (Json& host : *found) {
      std::string name = api_text(host, "host");
      // A database may take other capitals for the same name.
      if (names.contains(name)) hosts_.insert_or_assign(std::move(name), std::move(host));
    }
    co_return Result<void>();
  }

  void note_refused() {
    for (const RefusedItems& refused : question_.refused) {
      for (const RefusedItem& item : refused.items) {
        const Json& host = host_of(item.host);
        if (!host.is_object()) continue;
        refused_ids_.insert(api_text(host, "hostid"));
        refused_keys_.insert(item.key);
        if (const HostMonitor monitor = monitor_of(host); monitor.kind != HostMonitor::Kind::server)
          monitors_.try_emplace(monitor);
      }
    }
  }

  Awaitable<Result<void>> get_items(Context ctx, Names ids) {
    const std::string items = "item.get", rules = "discoveryrule.get";
    Result<void> got = co_await get_items_by(ctx, items, ids, refused_keys_);
    if (!got || !refused_keys_.contains(discovery_key)) co_return got;
    const Names rule{discovery_key};
    got = co_await get_items_by(ctx, rules, ids, rule);
    co_return got;
  }

  Awaitable<Result<void>> get_items_by(Context ctx, std::string method, Names ids, Names keys) {
    Json params;
    params["output"] = Json::array({"hostid", "key_", "type", "status", "trapper_hosts", "allow_traps"});
    params["hostids"] = ids;
    params["filter"]["key_"] = keys;
    params["limit"] = most_items;
    Result<Json> found = co_await client_.list(ctx, method, std::move(params));
    if (!found) co_return std::unexpected(found.error());
    if (found->size() >= most_items) cut_.insert(ids.begin(), ids.end());
    for (Json& item : *found) {
      std::pair name(api_text(item, "hostid"), api_text(item, "key_"));
      items_.insert_or_assign(std::move(name), std::move(item));
    }
    co_return Result<void>();
  }

  Awaitable<void> get_monitors(Context ctx) {
    co_await get_names(ctx, HostMonitor::Kind::proxy);
    co_await get_names(ctx, HostMonitor::Kind::group);
  }

  // What this account may not read keeps its id.
  Awaitable<void> get_names(Context ctx, HostMonitor::Kind kind) {
    const bool group = kind == HostMonitor::Kind::group;
    const std::string method = group ? "proxygroup.get" : "proxy.get";
    const char* const id = group ? "proxy_groupid" : "proxyid";
    const char* const name = groups() ? "name" : "host";
    Json ids = Json::array();
    for (auto& [monitor, text] : monitors_) {
      if (monitor.kind != kind) continue;
      ids.push_back(monitor.id);
      text = (group ? "the proxy group with the id " : "the proxy with the id ") + monitor.id;
    }
    if (ids.empty()) co_return;
    Json params;
    params[group ? "proxy_groupids" : "proxyids"] = std::move(ids);
    params["output"] = Json::array({id, name});
    const Result<Json> found = co_await client_.list(ctx, method, std::move(params));
    if (!found) co_return;
    for (const Json& each : *found) {
      const auto known = monitors_.find({kind, api_text(each, id)});
      if (known != monitors_.end())
        known->second = (group ? "proxy group " : "proxy ") + config::in_quotes(api_text(each, name));
    }
  }

  HostAnswer answer() {
    HostAnswer out;
    for (std::string& name : question_.hosts) {
      const Json& host = host_of(name);
      std::string what = why_nothing_stored(host);
      if (!what.empty()) {
        out.troubles.push_back({std::move(name), std::move(what)});
      } else {
        (host.is_object() ? out.stored : out.unseen).push_back(std::move(name));
      }
    }
    for (RefusedItems& refused : question_.refused) {
      for (RefusedItem& item : refused.items) item.reason = reason_of(item, refused.connect);
      std::erase_if(refused.items, [](const RefusedItem& item) { return item.reason.empty(); });
    }
    out.refused = std::move(question_.refused);
    return out;
  }

  std::string reason_of(const RefusedItem& item, config::TlsSettings::Connect connect) const {
    static const Json none;
    const Json& host = host_of(item.host);
    const std::string id = api_text(host, "hostid");
    const auto found = items_.find({id, item.key});
    if (found == items_.end() && cut_.contains(id)) return {};
    const auto monitor = monitors_.find(monitor_of(host));
    return refusal_reason({host, found == items_.end() ? none : found->second,
                           monitor == monitors_.end() ? "" : monitor->second, connect});
  }

  ApiClient& client_;
  HostQuestion question_;
  std::map<std::string, Json> hosts_;                          // by name
  Names refused_ids_, refused_keys_;                           // of hosts that are there
  std::map<std::pair<std::string, std::string>, Json> items_;  // by host id and key
  Names cut_;                                                  // ids of hosts that may have more items
  std::map<HostMonitor, std::string> monitors_;                // as they are named in a sentence
};

}  // namespace

Awaitable<Result<HostAnswer>> ask_about_hosts(Context ctx, ApiClient& client, HostQuestion question) {
  const Result<void> opened = co_await client.open(ctx);
  if (!opened) co_return std::unexpected(opened.error());
  HostAsking asking(client, std::move(question));
  Result<HostAnswer> answer = co_await asking.run(ctx);
  co_await client.close(ctx);
  co_return answer;
}

}  // namespace linewatch::agent
