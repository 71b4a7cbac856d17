#include "agent/control/requests.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "agent/control/fields.hpp"
#include "agent/control/names.hpp"
#include "agent/control/ping_request.hpp"
#include "agent/control/reload_request.hpp"
#include "agent/status_json.hpp"
#include "agent/suggest.hpp"
#include "agent/time_text.hpp"
#include "agent/version.hpp"
#include "config/counted.hpp"

namespace linewatch::agent {

using connection::Awaitable;
using scheduler::RouterWorker;

namespace {

// Routers in one line of a status: enough to be few lines, and few enough to keep the loop for no
// millisecond.
constexpr std::size_t routers_at_once = 50;

Json done() {
  Json json;
  json["done"] = true;
  return json;
}

// Whether a router or line is measured at all; a pause of something that is not would never be seen.
std::string why_not_measured(const Named& named) {
  if (!named.router->enabled) return fmt::format("router {} is not enabled", named.router->name);
  if (!named.router->in_shard)
    return fmt::format("router {} is another agent's (agent.shard)", named.router->name);
  if (named.line && !named.line->enabled) return fmt::format("line {} is not enabled", named.line->id);
  if (named.line && !named.line->pinged()) {
    return fmt::format("line {} is not pinged, its task is {}; its router can be paused", named.line->id,
                       named.line->task);
  }
  return fmt::format("router {} has no enabled line", named.router->name);
}

}  // namespace

Awaitable<void> ControlRequests::answer(ControlClientLink& client, const Json& request) {
  const std::string command = text_field(request, "command");
  if (command == "status") {
    co_await status(client, request);
  } else if (command == "pause" || command == "resume") {
    co_await pause_or_resume(client, request);
  } else if (command == "ping") {
    const auto plan = settings_of(parts_.reloader.plan());  // of these pings, whatever is reloaded meanwhile
    co_await answer_ping(parts_.loop, plan, parts_.routers, client, request);
  } else if (command == "reload" || command == "diff") {
    co_await answer_reload(parts_.reloader, parts_.file, client, request);
  } else {
    Json error = control_error("bad_request", fmt::format("this agent knows no command '{}'", command));
    co_await client.send(std::move(error));
  }
}

// --- status --------------------------------------------------------------------------------------

Awaitable<void> ControlRequests::status(ControlClientLink& client, const Json& request) {
  const std::string only = text_field(request, "router");
  if (!only.empty() && !parts_.fleet.find(only)) {
    Json error = unknown_router(only);
    co_await client.send(std::move(error));
    co_return;
  }
  Json head;
  head["agent"] = agent_json();
  head["destinations"] = destinations_json();
  bool taken = co_await client.send(std::move(head));
  // The workers may be others after each line sent: a reload may come between.
  for (std::size_t next = 0; taken && next < parts_.fleet.workers().size();) {
    Json routers = Json::array();
    for (; next < parts_.fleet.workers().size() && routers.size() < routers_at_once; ++next) {
      const RouterWorker& worker = *parts_.fleet.workers()[next];
      if (only.empty() || worker.router().name == only) routers.push_back(router_json(worker, !only.empty()));
    }
    Json some;
    some["routers"] = std::move(routers);
    taken = co_await client.send(std::move(some));
  }
  Json end = done();
  co_await client.send(std::move(end));
}

Json ControlRequests::agent_json() const {
  const scheduler::WorkerStatistics turns = parts_.fleet.statistics();
  scheduler::LineTally lines;
  for (const auto& worker : parts_.fleet.workers()) lines += worker->tally();
  const auto up = std::chrono::system_clock::now() - parts_.since;
  Json json;
  json["name"] = settings().agent.name;
  json["version"] = LINEWATCH_VERSION;
  json["pid"] = ::getpid();
  json["since"] = rfc3339(parts_.since);
  json["uptime_s"] = std::chrono::duration_cast<std::chrono::seconds>(up).count();
  json["routers"] = parts_.fleet.workers().size();
  json["lines"] = to_json(lines);
  add_turns(json, turns);
  json["turns_skipped_over_all_runs"] = parts_.aggregator.skipped_turns();
  json["dropped_with_removed_destinations"] = parts_.aggregator.dropped_with_destinations();
  json["buffer"] = to_json(parts_.aggregator.buffer());
  json["configuration"] = configuration_json();
  json["lateness_s"] = with_buckets(turns.lateness);
  json["event_loop_stall_s"] = with_buckets(parts_.loop_watch.stalls());
  return json;
}

Json ControlRequests::configuration_json() const {
  const Reloader::State& state = parts_.reloader.state();
  Json json;
  json["file"] = parts_.file.string();
  json["loaded"] = rfc3339(state.loaded);
  json["last_reload_successful"] = !state.failed;
  if (state.failed) json["failing_since"] = rfc3339(*state.failed);
  if (!state.problem.empty()) json["problem"] = state.problem;
  json["after_restart"] = state.after_restart;
  if (parts_.api) {
    json["api"] = api_json();
    json["api"]["host_check"] = to_json(parts_.host_check.state());
  }
  json["warnings"] = Json::array();
  if (parts_.api && !parts_.api->state().last_error.empty())
    json["warnings"].push_back("lines from the Zabbix API, the last plan goes on: " +
                               parts_.api->state().last_error);
  if (state.hosts_left_out > 0) {
    json["warnings"].push_back(
        fmt::format("lines from the Zabbix API: no line comes of {}; linewatch discover says why",
                    config::counted(state.hosts_left_out, "host")));
  }
  for (std::string& warning : warnings_of(parts_.host_check.state()))
    json["warnings"].push_back(std::move(warning));
  for (std::string& warning : warnings_of(parts_.aggregator.buffer()))
    json["warnings"].push_back(std::move(warning));
  if (const std::uint64_t dropped = parts_.aggregator.dropped_with_destinations(); dropped > 0)
    json["warnings"].push_back(
        fmt::format("{} values were dropped that waited for destinations which were removed", dropped));
  if (!state.problem.empty()) {
    json["warnings"].push_back(
        fmt::format("the configuration has errors, the agent goes on with the one of {}: {}",
                    rfc3339(state.loaded), state.problem));
  }
  for (const std::string& setting : state.after_restart)
    json["warnings"].push_back(setting + " was changed; it takes effect after a restart");
  return json;
}

Json ControlRequests::api_json() const {
  const ApiState& state = parts_.api->state();
  Json json;
  json["hosts"] = state.hosts;
  json["left_out"] = parts_.reloader.state().hosts_left_out;
  json["last_success"] = state.last_success ? Json(rfc3339(*state.last_success)) : Json(nullptr);
  json["last_error"] = state.last_error.empty() ? Json(nullptr) : Json(state.last_error);
  return json;
}

Json ControlRequests::destinations_json() const {
  Json destinations = Json::array();
  for (const auto& destination : parts_.aggregator.statistics()) {
    Json json = to_json(destination);
    json["warnings"] = warnings_of(destination);
    destinations.push_back(std::move(json));
  }
  return destinations;
}

Json ControlRequests::router_json(const RouterWorker& worker, bool in_detail) const {
  const Moment now = Moment::now();
  const RouterView view{&worker.router(),    worker.pool().snapshot(),       worker.tally(),
                        worker.statistics(), worker.pauses().router_until(), worker.tasks()};
  Json json = to_json(view, now);
  if (!in_detail) return json;
  json["sessions"] = Json::array();
  for (const auto& session : view.pool.sessions) json["sessions"].push_back(to_json(session));
  json["lines"] = Json::array();
  for (const scheduler::LineSnapshot& line : worker.lines()) json["lines"].push_back(to_json(line, now));
  json["tasks"] = Json::array();
  for (const scheduler::TaskSnapshot& task : view.tasks) json["tasks"].push_back(to_json(task, now));
  return json;
}

Json ControlRequests::unknown_router(const std::string& name) const {
  const auto named = find_name(settings(), name, NameKind::router);
  return named ? control_error("not_measured", why_not_measured(*named)) : named.error();
}

// --- pause and resume ----------------------------------------------------------------------------

Awaitable<void> ControlRequests::pause_or_resume(ControlClientLink& client, const Json& request) {
  const bool pausing = text_field(request, "command") == "pause";
  Json answer = change_pause(request, pausing);
  const bool failed = answer.contains("error");
  const bool taken = co_await client.send(std::move(answer));
  if (failed || !taken) co_return;
  Json end = done();
  co_await client.send(std::move(end));
}

Json ControlRequests::change_pause(const Json& request, bool pausing) {
  const auto named =
      find_name(settings(), text_field(request, "name"), name_kind(text_field(request, "kind")));
  if (!named) return named.error();
  const auto length = length_field(request, "length_ms");
  if (!length) return control_error("bad_request", length.error());

  RouterWorker* const worker = parts_.fleet.find(named->router->name);
  const scheduler::PauseOf what = named->line ? scheduler::PauseOf(named->line->id) : std::nullopt;
  if (!worker || (what && !worker->has_line(*what)))
    return control_error("not_measured", why_not_measured(*named));

  const Moment now = Moment::now();
  Json answer;
  answer["kind"] = std::string(to_string(named->kind));
  answer["name"] = named->line ? named->line->id : named->router->name;
  answer["router"] = named->router->name;
  answer["lines"] = named->line ? 1 : worker->line_count();
  if (pausing) {
    worker->pause(what, *length ? now.steady + **length : scheduler::Pauses::until_resumed);
    answer["paused_until"] = *length ? Json(rfc3339(now.wall + **length)) : Json(nullptr);
    return answer;
  }
  answer["was_paused"] = worker->resume(what);
  if (named->line && worker->pauses().router_until()) {
    return control_error("router_paused", fmt::format("line {0} is paused with its router; say linewatch "
                                                      "resume {1}",
                                                      named->line->id, named->router->name));
  }
  return answer;
}

}  // namespace linewatch::agent
