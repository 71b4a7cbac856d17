#include "agent/zabbix_api/fetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "agent/zabbix_api/answers.hpp"
#include "config/counted.hpp"
#include "config/problem.hpp"

namespace linewatch::agent {

using config::ApiHost;
using config::ApiSettings;
using connection::Awaitable;
using connection::Context;
using connection::Result;

namespace {

constexpr ApiVersion first_with_groups{7, 0};

// Whose hosts are wanted. Of several fields of a host this one must hold this id.
struct Scope {
  std::string parameter;  // of host.get; empty: all hosts
  std::string field;
  std::string id;
  std::string in_group;  // the proxy's own group: no hosts of its own is then no wonder
};

class Fetch {
 public:
  Fetch(ApiClient& client, const ApiSettings& settings) : client_(client), settings_(settings) {}

  Awaitable<Result<std::vector<ApiHost>>> run(Context ctx) {
    const Result<void> scope = co_await find_scope(ctx);
    if (!scope) co_return std::unexpected(scope.error());
    const Result<void> hosts = co_await get_hosts(ctx);
    if (!hosts) co_return std::unexpected(hosts.error());
    const Result<void> templates = co_await get_templates(ctx);
    if (!templates) co_return std::unexpected(templates.error());
    const Result<void> hidden = co_await look_for_hidden_templates(ctx);
    if (!hidden) co_return std::unexpected(hidden.error());
    Json params;
    params["globalmacro"] = true;
    params["output"] = Json::array({"macro", "value", "type"});
    const std::string method = "usermacro.get";
    const Result<Json> global = co_await client_.list(ctx, method, std::move(params));
    if (!global) co_return std::unexpected(global.error());
    co_return build(api_macro_values(*global));
  }

 private:
  bool groups() const { return client_.version() >= first_with_groups; }

  Awaitable<Result<void>> find_scope(Context ctx) {
    const bool group = !settings_.proxy_group.empty();
    if (!group && settings_.proxy.empty()) co_return Result<void>();
    const std::string method = group ? "proxygroup.get" : "proxy.get";
    if (group && !groups()) {
      co_return std::unexpected(client_.error(
          method, "Zabbix " + client_.version_text() + " has no proxy groups (7.0 and later have)"));
    }
    const std::string& name = group ? settings_.proxy_group : settings_.proxy;
    const char* const id = group ? "proxy_groupid" : "proxyid";
    const char* const by = groups() ? "name" : "host";
    Json params;
    params["output"] = Json::array({id, by});
    if (groups() && !group) params["output"].push_back("proxy_groupid");
    params["filter"][by] = Json::array({name});
    const Result<Json> found = co_await client_.list(ctx, method, std::move(params));
    if (!found) co_return std::unexpected(found.error());
    for (const Json& each : *found) {
      if (api_text(each, by) != name || !api_id(each, id)) continue;
      scope_ = {.parameter = group ? "proxy_groupids" : "proxyids",
                .field = groups() ? id : "proxy_hostid",
                .id = api_text(each, id),
                .in_group = group ? "" : api_text(each, "proxy_groupid")};
      co_return Result<void>();
    }
    co_return std::unexpected(
        client_.error(method, fmt::format("there is no {} {} that this account may see",
                                          group ? "proxy group" : "proxy", config::in_quotes(name))));
  }

  Json host_params() const {
    Json params;
    params["output"] = Json::array({"hostid", "host", "name", "status", "maintenance_status"});
    if (!scope_.field.empty()) {
      params["output"].push_back(scope_.field);
      params[scope_.parameter] = Json::array({scope_.id});
    }
    params["selectMacros"] = Json::array({"macro", "value", "type"});
    params["selectParentTemplates"] = Json::array({"templateid"});
    params["selectInterfaces"] = Json::array({"type", "main", "useip", "ip", "dns"});
    if (settings_.tag.empty()) return params;
    params["inheritedTags"] = true;
    params["evaltype"] = 0;
    for (const auto& [tag, value] : settings_.tag) {
      Json wanted;
      wanted["tag"] = tag;
      wanted["value"] = value;
      wanted["operator"] = 1;  // equals; the default would be "contains"
      params["tags"].push_back(std::move(wanted));
    }
    return params;
  }

  Awaitable<Result<void>> get_hosts(Context ctx) {
    const std::string method = "host.get";
    Json params = host_params();
    Result<Json> found = co_await client_.list(ctx, method, std::move(params));
    if (!found) co_return std::unexpected(found.error());
    hosts_ = Json::array();
    for (Json& host : *found) {
      if (!api_id(host, "hostid") || api_text(host, "host").empty())
        co_return std::unexpected(client_.error(method, "a host in the answer has no id or no name"));
      // A parameter that a version does not know is ignored there without a word.
      if (scope_.field.empty() || api_text(host, scope_.field.c_str()) == scope_.id)
        hosts_.push_back(std::move(host));
    }
    const bool elsewhere = !scope_.in_group.empty() && scope_.in_group != "0";
    if (hosts_.empty() && elsewhere) {
      co_return std::unexpected(client_.error(
          method, fmt::format("proxy {} has no hosts of its own, it is in a proxy group (write its name in "
                              "zabbix.api.proxy_group)",
                              config::in_quotes(settings_.proxy))));
    }
    co_return Result<void>();
  }

  // Level by level; each template once, whoever has it, so circles end.
  Awaitable<Result<void>> get_templates(Context ctx) {
    std::set<std::uint64_t> wanted;
    for (const Json& host : hosts_)
      for (const std::uint64_t id : api_parents(host)) wanted.insert(id);
    const std::string method = "template.get";
    while (!wanted.empty()) {
      Json params;
      for (const std::uint64_t id : wanted) params["templateids"].push_back(std::to_string(id));
      params["output"] = Json::array({"templateid"});
      params["selectMacros"] = Json::array({"macro", "value", "type"});
      params["selectParentTemplates"] = Json::array({"templateid"});
      const Result<Json> found = co_await client_.list(ctx, method, std::move(params));
      if (!found) co_return std::unexpected(found.error());
      std::set<std::uint64_t> next;
      for (const Json& each : *found) {
        const auto id = api_id(each, "templateid");
        if (!id || wanted.erase(*id) == 0) continue;
        const auto place =
            templates_.try_emplace(*id, api_macro_values(api_list(each, "macros")), api_parents(each)).first;
        next.insert(place->second.parents.begin(), place->second.parents.end());
      }
      if (!wanted.empty()) co_return std::unexpected(hidden_templates(method, wanted.size()));
      std::erase_if(next, [this](std::uint64_t id) { return templates_.contains(id); });
      wanted = std::move(next);
    }
    co_return Result<void>();
  }

  connection::Error hidden_templates(const std::string& method, std::size_t count) const {
    return client_.error(
        method, fmt::format("this account may not read {} of the hosts' templates; give it "
                            "the right to read their template groups, or the macros there would be missed",
                            count));
  }

  // A template that the account may not read is not among its hosts' templates either. What items have been
  // inherited from it shows that it is there.
  Awaitable<Result<void>> look_for_hidden_templates(Context ctx) {
    Json without = Json::array();
    for (const Json& host : hosts_)
      if (api_parents(host).empty()) without.push_back(api_text(host, "hostid"));
    for (const auto& [id, each] : templates_)
      if (each.parents.empty()) without.push_back(std::to_string(id));
    if (without.empty()) co_return Result<void>();
    Json params;
    params["hostids"] = std::move(without);
    params["inherited"] = true;
    params["output"] = Json::array({"itemid"});
    params["limit"] = 1;
    const std::string method = "item.get";
    const Result<Json> found = co_await client_.list(ctx, method, std::move(params));
    if (!found) co_return std::unexpected(found.error());
    if (!found->empty()) co_return std::unexpected(hidden_templates(method, 1));
    co_return Result<void>();
  }

  std::vector<ApiHost> build(Macros global) {
    MacroResolver resolver(std::move(global), std::move(templates_));
    std::vector<ApiHost> out;
    for (const Json& each : hosts_) {
      ApiHost& host = out.emplace_back();
      host.id = api_text(each, "hostid");
      host.host = api_text(each, "host");
      host.name = api_text(each, "name");
      host.interface_address = api_interface_address(each);
      host.enabled = api_text(each, "status") == "0";
      // Where it makes no difference it is no change of the plan either.
      host.maintenance = settings_.maintenance == ApiSettings::Maintenance::pause &&
                         api_text(each, "maintenance_status") == "1";
      resolver.resolve(api_macro_values(api_list(each, "macros")), api_parents(each), host);
    }
    std::ranges::sort(out, {}, &ApiHost::host);
    return out;
  }

  ApiClient& client_;
  const ApiSettings& settings_;
  Scope scope_;
  Json hosts_;
  ApiTemplates templates_;
};

}  // namespace

Awaitable<Result<std::vector<ApiHost>>> fetch_hosts(Context ctx, ApiClient& client,
                                                    const ApiSettings& settings) {
  const Result<void> opened = co_await client.open(ctx);
  if (!opened) co_return std::unexpected(opened.error());
  Fetch fetch(client, settings);
  Result<std::vector<ApiHost>> hosts = co_await fetch.run(ctx);
  co_await client.close(ctx);
  co_return hosts;
}

}  // namespace linewatch::agent
