// `linewatch discover`: the lines that the Zabbix API gives now, and why each other host is left out. Needs
// no running agent and changes nothing, but for --accept.

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>

#include "agent/commands.hpp"
#include "agent/text_table.hpp"
#include "agent/zabbix_api/fetch.hpp"
#include "agent/zabbix_api/plan.hpp"
#include "config/counted.hpp"
#include "config/printable.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;

namespace {

constexpr auto fetch_limit = std::chrono::seconds(60);

using Hosts = connection::Result<std::vector<config::ApiHost>>;

connection::Awaitable<Hosts> ask(connection::Context ctx, const config::ApiSettings& settings,
                                 connection::Resolver& resolver) {
  const auto loop = co_await asio::this_coro::executor;
  ApiClient client(loop, resolver, settings);
  Hosts hosts = co_await fetch_hosts(ctx, client, settings);
  co_return hosts;
}

Hosts ask_and_wait(const config::ApiSettings& settings) {
  asio::io_context loop(1);
  connection::Resolver resolver(1);
  const auto ctx = connection::Context().within(fetch_limit);
  Hosts hosts;
  asio::co_spawn(loop, ask(ctx, settings, resolver), [&hosts](std::exception_ptr bug, Hosts answer) {
    if (bug) std::rethrow_exception(bug);
    hosts = std::move(answer);
  });
  loop.run();
  return hosts;
}

// What stands beside a line that is there but not measured.
std::string why_not_measured(const config::Line& line, const config::Router& router) {
  if (!line.enabled) return "in maintenance: not measured (zabbix.api.maintenance: pause)";
  if (!router.enabled) return "its router is not enabled";
  if (!router.in_shard) return "its router is another agent's (agent.shard)";
  return {};
}

struct Found {
  const config::Settings& settings;  // with the lines in it
  const config::ApiLines& lines;     // what is said of hosts
  std::size_t first;                 // of settings.lines that came from the API
  std::string not_taken;

  const config::Router& router_of(const config::Line& line) const { return *settings.router(line.router); }
};

Json remarks(const std::vector<config::ApiRemark>& all, const char* key) {
  Json out = Json::array();
  for (const config::ApiRemark& each : all) {
    Json one;
    one["host"] = each.host;
    one[key] = each.text;
    out.push_back(std::move(one));
  }
  return out;
}

Json json_of(const config::Line& line, const config::Router& router) {
  Json out;
  out["line"] = line.id;
  out["host"] = line.zabbix_host;
  out["name"] = line.name;
  out["target"] = line.target;
  out["interval_s"] = std::chrono::duration<double>(line.interval).count();
  out["router"] = router.name;
  out["address"] = router.address;
  out["port"] = router.port;
  out["platform"] = router.platform->name;
  out["vrf"] = line.vrf.empty() ? Json() : Json(line.vrf);
  out["source"] = line.source.empty() ? Json() : Json(line.source);
  const std::string why = why_not_measured(line, router);
  out["measured"] = why.empty();
  out["remark"] = why.empty() ? Json() : Json(why);
  return out;
}

void print_json(const Found& found) {
  Json out;
  out["lines"] = Json::array();
  for (std::size_t i = found.first; i < found.settings.lines.size(); ++i)
    out["lines"].push_back(json_of(found.settings.lines[i], found.router_of(found.settings.lines[i])));
  out["left_out"] = remarks(found.lines.left_out, "reason");
  out["warnings"] = remarks(found.lines.warnings, "warning");
  out["not_taken"] = found.not_taken.empty() ? Json() : Json(found.not_taken);
  fmt::print("{}\n", out.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void print_table(const Found& found) {
  TextTable table({"LINE", "HOST", "TARGET", ">EVERY", "ROUTER", "PLATFORM"});
  for (std::size_t i = found.first; i < found.settings.lines.size(); ++i) {
    const config::Line& line = found.settings.lines[i];
    const config::Router& router = found.router_of(line);
    table.row({line.id, config::printable(line.zabbix_host), line.target,
               config::format_duration(line.interval), router.name, router.platform->name});
    if (const std::string why = why_not_measured(line, router); !why.empty()) table.note(why);
  }
  fmt::print("{}", table.text());
  const auto section = [](const char* title, const std::vector<config::ApiRemark>& all) {
    if (!all.empty()) fmt::print("\n{}\n", title);
    for (const config::ApiRemark& each : all)
      fmt::print("{}", wrapped(config::printable(each.host + ": " + each.text), 2));
  };
  section("LEFT OUT", found.lines.left_out);
  section("WARNINGS", found.lines.warnings);
  fmt::print("\n{}, {} left out\n", config::counted(found.settings.lines.size() - found.first, "line"),
             config::counted(found.lines.left_out.size(), "host"));
}

// Why the running agent would not take this answer, as far as this user may read its last plan.
std::string why_not_taken(const config::Settings& settings, const std::vector<config::ApiHost>& hosts) {
  const config::ApiSettings& api = *settings.zabbix.api;
  const auto last = read_api_plan(settings.agent.state_dir, question_of(api));
  if (!last || !*last) return {};
  return too_many_lost((*last)->hosts, hosts, api.max_removal);
}

}  // namespace

int run_discover(const Options& options) {
  auto settings = load_files_or_complain(options);
  if (!settings) return exit_bad_configuration;
  if (!settings->zabbix.api)
    return complain("there is no zabbix.api in " + options.config_file.string(), exit_bad_configuration);
  Hosts hosts = ask_and_wait(*settings->zabbix.api);
  if (!hosts) return complain(hosts.error().text);
  config::ApiLines lines = config::api_lines(*settings, *hosts);
  config::ApiLines said{.left_out = std::move(lines.left_out), .warnings = std::move(lines.warnings)};
  const std::size_t first = settings->lines.size();
  const std::string not_taken = options.accept ? "" : why_not_taken(*settings, *hosts);
  config::add(*settings, std::move(lines));
  const Found found{*settings, said, first, not_taken};
  if (options.json) {
    print_json(found);
  } else {
    print_table(found);
  }
  if (!not_taken.empty()) complain("the agent would not take this plan: " + not_taken);
  if (!options.accept) return exit_ok;
  const ApiPlan plan{question_of(*settings->zabbix.api), std::move(*hosts)};
  const auto written = write_api_plan(settings->agent.state_dir, plan);
  return written ? exit_ok : complain(written.error().text);
}

}  // namespace linewatch::agent
