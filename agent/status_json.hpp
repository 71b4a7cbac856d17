#pragma once
// What `linewatch status` says, as JSON: snapshots in, objects out. Pure, but for the times handed in.

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "agent/zabbix_api/host_check.hpp"
#include "aggregator/statistics.hpp"
#include "config/settings.hpp"
#include "connection/pool/snapshot.hpp"
#include "scheduler/line_snapshot.hpp"
#include "scheduler/task_snapshot.hpp"
#include "scheduler/worker.hpp"

namespace linewatch::agent {

using Json = nlohmann::ordered_json;

// Now, on both clocks: snapshots have monotonic times, people want the wall's.
struct Moment {
  connection::TimePoint steady;
  std::chrono::system_clock::time_point wall;
  static Moment now() { return {connection::Clock::now(), std::chrono::system_clock::now()}; }
};

// "ok" (logged in), "connecting", "idle" (no session, none needed yet), "paused", "unreachable",
// "login_refused", "host_key", "session_limit", "not_supported" or "stopping".
std::string_view router_state(const connection::PoolSnapshot& pool, bool paused);

Json to_json(const scheduler::LineTally& tally);
Json to_json(const aggregator::DestinationStatistics& destination);
Json to_json(const HostCheck::State& hosts);
Json to_json(const aggregator::BufferStatistics& buffer);
Json to_json(const connection::SessionSnapshot& session);
Json to_json(const connection::Histogram& took);       // seconds
Json with_buckets(const connection::Histogram& took);  // and the counts by Histogram::bounds
Json to_json(const scheduler::LineSnapshot& line, const Moment& now);
Json to_json(const scheduler::TaskSnapshot& task, const Moment& now);

struct RouterView {
  const config::Router* router = nullptr;
  connection::PoolSnapshot pool;
  scheduler::LineTally lines;
  scheduler::WorkerStatistics turns;
  std::optional<connection::TimePoint> paused_until;
  std::vector<scheduler::TaskSnapshot> tasks;
};
// Without its sessions, lines and tasks one by one: whoever wants these adds them.
// How many turns there were, and how many not, by reason.
void add_turns(Json& json, const scheduler::WorkerStatistics& turns);
Json to_json(const RouterView& view, const Moment& now);

// Sentences for the operator; empty while all is well.
std::vector<std::string> warnings_of(const aggregator::DestinationStatistics& destination);
std::vector<std::string> warnings_of(const HostCheck::State& hosts);
std::vector<std::string> warnings_of(const aggregator::BufferStatistics& buffer);
std::vector<std::string> warnings_of(const RouterView& view);

}  // namespace linewatch::agent
