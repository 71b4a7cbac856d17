#pragma once
// The agent: a worker for each router, the aggregator they report to, the control socket that people ask.
// Starts them, and takes them down in order on a signal. Lives on the loop of `linewatch run`.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include <spdlog/logger.h>

#include "agent/control/requests.hpp"
#include "agent/control/server.hpp"
#include "agent/loop_watch.hpp"
#include "agent/options.hpp"
#include "agent/routers.hpp"
#include "aggregator/aggregator.hpp"
#include "config/settings.hpp"
#include "scheduler/worker.hpp"

namespace linewatch::agent {

class Agent {
 public:
  // `loop` and `settings` outlive the agent.
  Agent(boost::asio::io_context& loop, const config::Settings& settings, std::unique_ptr<Routers> routers,
        std::shared_ptr<spdlog::logger> log);

  // The loop then runs until the agent was told to stop and has stopped.
  void start();
  int exit_code() const { return exit_code_; }

 private:
  void start_workers();
  void open_control_socket();
  void await_signal();
  connection::Awaitable<void> stop();
  void report();

  boost::asio::io_context& loop_;
  const config::Settings& settings_;
  std::shared_ptr<spdlog::logger> log_;
  std::unique_ptr<Routers> routers_;
  aggregator::Aggregator aggregator_;
  std::vector<std::unique_ptr<scheduler::RouterWorker>> workers_;
  LoopWatch loop_watch_;
  ControlRequests requests_;
  std::unique_ptr<ControlServer> control_;  // null: off, or it could not be opened
  boost::asio::signal_set signals_;
  std::size_t lines_ = 0;
  int exit_code_ = exit_ok;
  bool stopping_ = false;
};

}  // namespace linewatch::agent
