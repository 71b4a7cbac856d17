#pragma once
// The agent's own figures and those of routers as Zabbix values (docs/zabbix-items.md). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/record.hpp"
#include "aggregator/statistics.hpp"
#include "connection/histogram.hpp"
#include "connection/pool/snapshot.hpp"
#include "scheduler/worker_statistics.hpp"

namespace linewatch::agent {

// The numbers of router.status.
enum class RouterStatus {
  unreachable = 0,
  ok = 1,
  login_refused = 2,
  host_key_changed = 3,
  session_limit = 4,
  paused = 5,
};

// What the items of a Zabbix host say of its router, or of all its routers together.
struct RouterFigures {
  std::optional<RouterStatus> status;  // of several the worst; nothing: no login has ended yet
  int sessions = 0;                    // logged in
  connection::Histogram logins;        // since the agent started
  std::string error;                   // empty: ok

  // One more router of the host. `name` tells its error from that of others.
  void add(const RouterFigures& other, const std::string& name);
};

RouterFigures figures_of(const connection::PoolSnapshot& pool, bool paused);

// The status comes last; router.login.time is the mean of the logins since `logins_before`, in seconds, and
// missing if there were none. Only of figures with a status.
aggregator::Items items_of(const RouterFigures& figures, const connection::Histogram& logins_before);

struct AgentFigures {
  std::size_t routers = 0, lines = 0;
  scheduler::WorkerStatistics turns;  // since the agent started
  std::vector<aggregator::DestinationStatistics> destinations;
  std::uint64_t gone_dropped = 0, gone_refused = 0;  // of destinations that were removed
};

// linewatch.lateness is of the turns that were typed since `lateness_before`, and missing if there were none;
// skipped, dropped and refused count from the agent's start.
aggregator::Items items_of(const AgentFigures& figures, const connection::Histogram& lateness_before);

}  // namespace linewatch::agent
