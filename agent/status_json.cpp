#include "agent/status_json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "agent/time_text.hpp"
#include "config/counted.hpp"

namespace linewatch::agent {

using aggregator::LineState;
using connection::Clock;
using connection::ErrorCode;
using connection::SlotState;
using connection::TimePoint;

namespace {

constexpr std::size_t most_shown = 100, most_warnings = 20;

double seconds(Clock::duration duration) {
  return std::round(std::chrono::duration<double>(duration).count() * 1000) / 1000;
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

std::string wall_time(TimePoint time, const Moment& now) {
  using WallDuration = std::chrono::system_clock::duration;
  return rfc3339(now.wall + std::chrono::duration_cast<WallDuration>(time - now.steady));
}

// Null while it runs until somebody resumes it.
Json pause_end(const std::optional<TimePoint>& until, const Moment& now) {
  return until && *until != scheduler::Pauses::until_resumed ? Json(wall_time(*until, now)) : Json(nullptr);
}

int count(const connection::PoolSnapshot& pool, SlotState state) {
  return static_cast<int>(std::ranges::count(pool.sessions, state, &connection::SessionSnapshot::state));
}

bool fails(const scheduler::TaskSnapshot& task) {
  return task.last && !task.last->problem().empty();
}

constexpr const char* likely_reasons =
    "no such host or trapper item, disabled, host on a proxy, another encryption, or this agent is not in "
    "its "
    "allowed hosts";

// A sentence for each reason.
std::vector<std::string> refusals_of(const aggregator::DestinationStatistics& destination) {
  std::map<std::string, std::vector<const aggregator::RefusedItem*>> by_reason;
  for (const aggregator::RefusedItem& item : destination.refused) by_reason[item.reason].push_back(&item);
  std::vector<std::string> out;
  for (const auto& [reason, items] : by_reason) {
    if (out.size() == most_warnings) break;
    // What is listed is not all there may be.
    const std::uint64_t count = by_reason.size() == 1 ? destination.refused_items : items.size();
    out.push_back(fmt::format("zabbix {}: the values of {} are refused, such as {} on host {}: {}",
                              destination.name, config::counted(count, "item"), items.front()->key,
                              items.front()->host, reason.empty() ? likely_reasons : reason));
  }
  if (by_reason.size() > 1 && destination.refused_items > destination.refused.size())
    out.push_back(fmt::format("zabbix {}: the values of {} more items are refused", destination.name,
                              destination.refused_items - destination.refused.size()));
  return out;
}

std::string_view state_of_failure(ErrorCode code) {
  switch (code) {
    case ErrorCode::authentication:
    case ErrorCode::no_way_in:
      return "login_refused";
    case ErrorCode::host_key:
      return "host_key";
    case ErrorCode::session_limit:
      return "session_limit";
    case ErrorCode::not_supported:
      return "not_supported";
    default:
      return "unreachable";
  }
}

}  // namespace

std::string_view router_state(const connection::PoolSnapshot& pool, bool paused) {
  const int connecting = count(pool, SlotState::connecting), closing = count(pool, SlotState::closing);
  const int usable = static_cast<int>(pool.sessions.size()) - connecting - closing;
  if (pool.draining) return "stopping";
  if (paused) return "paused";
  if (usable > 0) return "ok";
  if (pool.last_login_error) return state_of_failure(pool.last_login_error->code);
  return connecting > 0 ? "connecting" : "idle";
}

Json to_json(const scheduler::LineTally& tally) {
  Json json;
  json["total"] = tally.lines;
  for (const LineState state : {LineState::up, LineState::down, LineState::line_error,
                                LineState::router_error, LineState::agent_error})
    json[std::string(to_string(state))] = tally.by_state[static_cast<std::size_t>(state)];
  json["not_measured_yet"] = tally.unmeasured;
  json["paused"] = tally.paused;
  return json;
}

Json to_json(const aggregator::DestinationStatistics& destination) {
  Json json;
  json["name"] = destination.name;
  // Whether it is reachable is known only once something was sent.
  const bool tried = !destination.last_error.empty() || destination.processed + destination.failed > 0;
  json["reachable"] = tried ? Json(destination.last_error.empty()) : Json(nullptr);
  json["processed"] = destination.processed;
  json["failed"] = destination.failed;
  json["dropped"] = destination.dropped;
  Json drops = Json::object();
  for (std::size_t i = 0; i < destination.drops.size(); ++i)
    drops[std::string(to_string(static_cast<aggregator::DropReason>(i)))] = destination.drops[i];
  json["dropped_by_reason"] = std::move(drops);
  json["queued"] = destination.queued;
  json["refused_items"] = destination.refused_items;
  json["refused"] = Json::array();
  for (const aggregator::RefusedItem& item : destination.refused)
    json["refused"].push_back({{"host", item.host},
                               {"key", item.key},
                               {"since", rfc3339(item.since)},
                               {"reason", text_or_null(item.reason)}});
  json["last_error"] = text_or_null(destination.last_error);
  return json;
}

Json to_json(const HostCheck::State& hosts) {
  Json json;
  json["last_success"] = hosts.last_success ? Json(rfc3339(*hosts.last_success)) : Json(nullptr);
  json["last_error"] = text_or_null(hosts.last_error);
  json["not_stored"] = Json::array();
  for (const HostTrouble& trouble : hosts.troubles) {
    if (json["not_stored"].size() == most_shown) break;
    json["not_stored"].push_back({{"host", trouble.host}, {"reason", trouble.what}});
  }
  json["hosts_not_stored"] = hosts.troubles.size();
  json["hosts_not_seen"] = hosts.unseen;
  return json;
}

Json to_json(const aggregator::BufferStatistics& buffer) {
  Json json;
  json["memory_values"] = buffer.memory_values;
  json["memory_limit"] = buffer.memory_limit;
  json["disk_octets"] = buffer.disk_octets;
  json["disk_limit"] = buffer.disk_limit;
  json["disk_failure"] = text_or_null(buffer.failure);
  return json;
}

Json to_json(const connection::Histogram& took) {
  return {{"count", took.count()},
          {"p50", took.quantile(0.5)},
          {"p99", took.quantile(0.99)},
          {"longest", took.longest()}};
}

Json with_buckets(const connection::Histogram& took) {
  Json json = to_json(took);
  json["buckets"] = Json::array();
  for (std::size_t bucket = 0; bucket <= connection::Histogram::bounds.size(); ++bucket)
    json["buckets"].push_back(took.in_bucket(bucket));
  return json;
}

Json to_json(const connection::SessionSnapshot& session) {
  Json json;
  json["slot"] = session.slot;
  json["state"] = std::string(to_string(session.state));
  json["age_s"] = seconds(session.age);
  json["in_state_s"] = seconds(session.in_state);
  json["uses"] = session.uses;
  json["holder"] = text_or_null(session.holder);
  return json;
}

Json to_json(const scheduler::LineSnapshot& line, const Moment& now) {
  Json json;
  json["id"] = line.line->id;
  json["name"] = text_or_null(line.line->name);
  json["target"] = line.line->target;
  json["state"] = line.last ? Json(std::string(to_string(line.last->state))) : Json(nullptr);
  json["measured"] = line.last ? Json(rfc3339(line.last->clock)) : Json(nullptr);
  json["loss_percent"] = line.last ? or_null(line.last->loss_percent) : Json(nullptr);
  json["rtt_avg_ms"] = line.last ? or_null(line.last->avg_ms) : Json(nullptr);
  json["error"] = line.last ? text_or_null(line.last->error) : Json(nullptr);
  json["running"] = line.running;
  json["paused"] = line.paused_until.has_value();
  json["paused_until"] = pause_end(line.paused_until, now);
  json["interval_s"] = seconds(line.line->interval);
  json["next_due"] = wall_time(line.next_due, now);
  json["next_due_in_s"] = seconds(line.next_due - now.steady);
  return json;
}

Json to_json(const scheduler::TaskSnapshot& task, const Moment& now) {
  Json json;
  json["name"] = task.name;
  json["line"] = task.line ? Json(task.line->id) : Json(nullptr);
  json["done"] = task.last ? Json(rfc3339(task.last->clock)) : Json(nullptr);
  Json values = Json::object();
  if (task.last) {
    for (const aggregator::TaskFigure& value : task.last->values) values[value.name] = value.text;
  }
  json["values"] = std::move(values);
  json["error"] = task.last ? text_or_null(task.last->problem()) : Json(nullptr);
  json["running"] = task.running;
  json["paused"] = task.paused;
  json["turns"] = task.turns;
  json["turns_skipped"] = task.skipped;
  json["interval_s"] = task.task ? Json(seconds(task.task->interval)) : Json(nullptr);
  json["next_due_in_s"] = task.next_due ? Json(seconds(*task.next_due - now.steady)) : Json(nullptr);
  return json;
}

void add_turns(Json& json, const scheduler::WorkerStatistics& turns) {
  using scheduler::SkipReason;
  json["turns"] = turns.turns;
  json["turns_skipped"] = turns.skipped();
  json["turns_skipped_paused"] = turns.skipped(SkipReason::paused);
  json["turns_skipped_warm_up"] = turns.skipped(SkipReason::warm_up);
  json["turns_skipped_overload"] = turns.skipped(SkipReason::overload);
  json["turns_skipped_still_running"] = turns.skipped(SkipReason::still_running);
  json["turns_skipped_suspended"] = turns.skipped(SkipReason::suspended);
  json["turns_skipped_restart"] = turns.skipped(SkipReason::restart);
}

Json to_json(const RouterView& view, const Moment& now) {
  const connection::PoolSnapshot& pool = view.pool;
  const connection::PoolStatistics& figures = pool.statistics;
  Json json;
  json["name"] = view.router->name;
  json["address"] = view.router->address;
  json["platform"] = view.router->platform->name;
  json["state"] = router_state(pool, view.paused_until.has_value());
  json["paused"] = view.paused_until.has_value();
  json["paused_until"] = pause_end(view.paused_until, now);
  json["live_sessions"] = pool.sessions.size();
  json["max_sessions"] = pool.max_connections;
  json["effective_max_sessions"] = pool.effective_maximum;
  json["min_sessions"] = pool.min_connections;
  json["leased"] = count(pool, SlotState::leased);
  json["waiting"] = pool.waiting;
  json["waits"] = figures.waits;
  json["wait_timeouts"] = figures.wait_timeouts;
  json["refused"] = figures.refused;
  json["cancelled"] = figures.cancelled;
  json["logins"] = figures.created;
  json["login_failures"] = figures.login_failures;
  json["reused"] = figures.reused;
  json["closed"] = figures.closed;
  Json closed = Json::object();
  for (std::size_t i = 0; i < figures.closed_for.size(); ++i)
    closed[std::string(to_string(static_cast<connection::CloseReason>(i)))] = figures.closed_for[i];
  json["closed_by_reason"] = std::move(closed);
  json["recoveries"] = figures.recoveries;
  json["health_check_failures"] = figures.health_check_failures;
  json["session_limits"] = figures.session_limits;
  json["breaker_open"] = pool.breaker_open;
  json["breaker_openings"] = figures.breaker_openings;
  json["leaks"] = figures.leaks;
  json["stale_reports"] = figures.stale_reports;
  json["wait_s"] = to_json(figures.wait_time);
  json["login_s"] = to_json(figures.login_time);
  if (pool.last_login_error) {
    Json error;
    error["code"] = std::string(to_string(pool.last_login_error->code));
    error["phase"] = std::string(to_string(pool.last_login_error->phase));
    error["text"] = pool.last_login_error->text;
    json["last_login_error"] = std::move(error);
  } else {
    json["last_login_error"] = nullptr;
  }
  json["next_login_in_s"] = seconds(pool.next_login_in);
  json["load_percent"] = std::round(view.turns.load * 1000) / 10;
  add_turns(json, view.turns);
  json["lateness_s"] = to_json(view.turns.lateness);
  json["turns_per_lease"] = view.turns.batches;
  json["line_count"] = to_json(view.lines);
  json["task_count"] = {{"total", view.tasks.size()}, {"failing", std::ranges::count_if(view.tasks, fails)}};
  json["warnings"] = warnings_of(view);
  json["hints"] = pool.hints;
  return json;
}

std::vector<std::string> warnings_of(const aggregator::DestinationStatistics& destination) {
  std::vector<std::string> warnings;
  if (!destination.last_error.empty()) {
    warnings.push_back(fmt::format("zabbix {}: {}; {} values wait", destination.name, destination.last_error,
                                   destination.queued));
  }
  if (destination.dropped > 0) {
    std::string reasons;
    for (std::size_t i = 0; i < destination.drops.size(); ++i) {
      if (destination.drops[i] == 0) continue;
      reasons +=
          fmt::format("{}{} {}", reasons.empty() ? "" : ", ",
                      aggregator::to_string(static_cast<aggregator::DropReason>(i)), destination.drops[i]);
    }
    warnings.push_back(fmt::format("zabbix {}: {} values were dropped since the agent began ({})",
                                   destination.name, destination.dropped, reasons));
  }
  for (std::string& each : refusals_of(destination)) warnings.push_back(std::move(each));
  return warnings;
}

std::vector<std::string> warnings_of(const aggregator::BufferStatistics& buffer) {
  std::vector<std::string> warnings;
  if (!buffer.failure.empty()) warnings.push_back("results are kept in memory alone: " + buffer.failure);
  if (!buffer.lost.empty()) warnings.push_back("results that were kept on disk are lost: " + buffer.lost);
  return warnings;
}

std::vector<std::string> warnings_of(const HostCheck::State& hosts) {
  std::vector<std::string> warnings;
  for (const HostTrouble& trouble : hosts.troubles) {
    if (warnings.size() == most_warnings) {
      warnings.push_back(fmt::format("{} more hosts store nothing", hosts.troubles.size() - most_warnings));
      break;
    }
    warnings.push_back(fmt::format("host {} {}", trouble.host, trouble.what));
  }
  return warnings;
}

std::vector<std::string> warnings_of(const RouterView& view) {
  std::vector<std::string> warnings;
  const connection::PoolSnapshot& pool = view.pool;
  if (pool.last_login_error) {
    std::string text = fmt::format("login failed ({}): {}", to_string(pool.last_login_error->phase),
                                   pool.last_login_error->text);
    if (pool.next_login_in > Clock::duration::zero())
      text += fmt::format("; next login in {:.0f} s", std::ceil(seconds(pool.next_login_in)));
    warnings.push_back(std::move(text));
  }
  constexpr std::size_t most_tasks = 20;  // one cause often is that of many
  std::size_t failing = 0;
  for (const scheduler::TaskSnapshot& task : view.tasks) {
    if (!fails(task) || ++failing > most_tasks) continue;
    const std::string line = task.line ? " of line " + task.line->id : "";
    warnings.push_back(fmt::format("task {}{}: {}", task.name, line, task.last->problem()));
  }
  if (failing > most_tasks) warnings.push_back(fmt::format("{} more tasks fail", failing - most_tasks));
  if (view.turns.load > 0.8) {
    warnings.push_back(
        fmt::format("load {:.0f} %: its lines and tasks want so much of its {} sessions; raise "
                    "max_connections or their intervals",
                    view.turns.load * 100, pool.effective_maximum));
  }
  using scheduler::SkipReason;
  const std::uint64_t overload = view.turns.skipped(SkipReason::overload);
  const std::uint64_t late =
      view.turns.skipped(SkipReason::still_running) + view.turns.skipped(SkipReason::suspended);
  if (overload > 0)
    warnings.push_back(fmt::format("turns skipped because no session came free in time: {}", overload));
  if (late > 0) warnings.push_back(fmt::format("turns skipped because the one before still ran: {}", late));
  return warnings;
}

}  // namespace linewatch::agent
