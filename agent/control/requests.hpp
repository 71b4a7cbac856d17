#pragma once
// What the agent answers on its control socket: status, pause, resume, ping. Owned by the agent, lives on its
// loop; what it refers to is the agent's and outlives every request (ControlServer::stop() waits for them).
//
//   {"command":"status"}, {"command":"status","router":"r1"}
//       {"agent":{..}} {"destinations":[..]} {"routers":[..]} ... {"done":true}
//   {"command":"pause","name":"r1","kind":"router"|"line","length_ms":600000}, {"command":"resume",..}
//       kind and length_ms may be missing; {"kind":..,"name":..,"router":..,"lines":..,...} {"done":true}
//   {"command":"reload"}, {"command":"diff","file":"/etc/linewatch/linewatch.yml"}
//       {"changes":["~ line L-1: ..",..]} ... {"summary":".."} {"done":true}; {"waiting":1} now and then.
//       A configuration with errors: {"problems":[..]} {"error":..,"code":"bad_configuration"}
//   {"command":"ping","lines":["L-1",..]}, {"command":"ping","all":true}
//       {"result":{..}} for each as it ends, {"waiting":n} now and then, {"done":true}; hanging up cancels it
// Anything that cannot be done: {"error":"one
// sentence","code":"unknown_name"|"ambiguous_name"|"bad_request"|...}

#include <chrono>
#include <memory>
#include <vector>

#include "agent/control/server.hpp"
#include "agent/fleet.hpp"
#include "agent/loop_watch.hpp"
#include "agent/reloader.hpp"
#include "agent/routers.hpp"
#include "agent/zabbix_api/host_check.hpp"
#include "agent/zabbix_api/source.hpp"
#include "aggregator/aggregator.hpp"
#include "config/settings.hpp"
#include "scheduler/worker.hpp"

namespace linewatch::agent {

// The agent's parts that requests read or tell something.
struct AgentParts {
  boost::asio::any_io_executor loop;
  std::filesystem::path file;  // its configuration
  Reloader& reloader;
  const std::unique_ptr<ZabbixApiSource>& api;  // null: the lines are those of the files alone
  const HostCheck& host_check;
  Routers& routers;
  const aggregator::Aggregator& aggregator;
  const Fleet& fleet;
  const LoopWatch& loop_watch;
  std::chrono::system_clock::time_point since;  // when the agent started
};

class ControlRequests {
 public:
  explicit ControlRequests(AgentParts parts) : parts_(std::move(parts)) {}

  connection::Awaitable<void> answer(ControlClientLink& client, const Json& request);

 private:
  connection::Awaitable<void> status(ControlClientLink& client, const Json& request);
  connection::Awaitable<void> pause_or_resume(ControlClientLink& client, const Json& request);
  Json agent_json() const;
  Json destinations_json() const;
  Json router_json(const scheduler::RouterWorker& worker, bool in_detail) const;
  Json change_pause(const Json& request, bool pausing);
  const config::Settings& settings() const { return parts_.reloader.plan()->settings(); }
  Json configuration_json() const;
  Json api_json() const;
  Json unknown_router(const std::string& name) const;

  AgentParts parts_;
};

}  // namespace linewatch::agent
