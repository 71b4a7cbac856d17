#pragma once
// The agent: a worker for each router, the aggregator they report to, the reloader that keeps them on the
// latest configuration, the control socket that people ask. Starts them, and takes them down in order on a
// signal. Lives on the loop of `linewatch run`.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <spdlog/logger.h>

#include "agent/control/requests.hpp"
#include "agent/control/server.hpp"
#include "agent/fleet.hpp"
#include "agent/items/discovery.hpp"
#include "agent/items/own_items.hpp"
#include "agent/loop_watch.hpp"
#include "agent/options.hpp"
#include "agent/reloader.hpp"
#include "agent/routers.hpp"
#include "agent/zabbix_api/host_check.hpp"
#include "agent/zabbix_api/source.hpp"
#include "aggregator/aggregator.hpp"

namespace linewatch::agent {

class Agent {
 public:
  // `loop` outlives the agent, and `background` does not outlive the loop. `file` is the configuration's;
  // `api` gave first.hosts, if there is a zabbix.api.
  Agent(boost::asio::io_context& loop, const Background& background, std::filesystem::path file,
        Reloader::First first, ApiStart api, std::unique_ptr<Routers> routers,
        std::shared_ptr<spdlog::logger> log);

  // The loop then runs until the agent was told to stop and has stopped.
  void start();
  int exit_code() const { return exit_code_; }

 private:
  const config::Settings& settings() const { return reloader_.plan()->settings(); }
  connection::Awaitable<void> apply(SharedPlan before, SharedPlan after, const PlanSteps& steps);
  void on_signal(int number);
  void ask_api(ApiStart first);
  connection::Awaitable<void> ask_other_api(SharedPlan after);
  void open_control_socket();
  void await_signal();
  connection::Awaitable<void> stop();
  void report();

  boost::asio::io_context& loop_;
  std::shared_ptr<spdlog::logger> log_;
  std::unique_ptr<Routers> routers_;
  const std::filesystem::path state_dir_;  // until the agent ends, whatever is reloaded
  aggregator::Aggregator aggregator_;
  Discovery discovery_;
  Fleet fleet_;
  OwnItems own_items_;
  Reloader reloader_;
  ApiStart api_start_;                    // until start()
  std::unique_ptr<ZabbixApiSource> api_;  // null: the lines are those of the files alone
  HostCheck host_check_;
  LoopWatch loop_watch_;
  ControlRequests requests_;
  std::unique_ptr<ControlServer> control_;  // null: off, or it could not be opened
  boost::asio::signal_set signals_;
  int exit_code_ = exit_ok;
  bool stopping_ = false;
};

}  // namespace linewatch::agent
