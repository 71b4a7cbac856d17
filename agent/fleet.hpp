#pragma once
// The workers of all routers that one agent measures, and how they come from one plan to the next. Owned by
// the agent, lives on its loop; destroyed after stop() returned.

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <vector>

#include <spdlog/logger.h>

#include "agent/items/discovery.hpp"
#include "agent/plan.hpp"
#include "agent/routers.hpp"
#include "aggregator/aggregator.hpp"
#include "connection/bell.hpp"
#include "scheduler/worker.hpp"

namespace linewatch::agent {

class Fleet {
 public:
  using Workers = std::vector<std::unique_ptr<scheduler::RouterWorker>>;

  // `routers`, `aggregator` and `discovery` outlive the fleet.
  Fleet(boost::asio::any_io_executor loop, Routers& routers, aggregator::Aggregator& aggregator,
        Discovery& discovery, std::shared_ptr<spdlog::logger> log);

  void start(const SharedPlan& plan);
  // Right after start(): the turns that were due since an earlier run count as skipped, see RouterWorker.
  void skip_missed(const scheduler::RouterWorker::LastTurns& last);
  // The same when they are known only now: of the turns before `began`.
  void skip_missed_late(const scheduler::RouterWorker::LastTurns& last, connection::TimePoint began);
  // Takes over another plan, a few milliseconds at a time. What has not changed is not disturbed; a router
  // that goes is logged out in the background, with stop_timeout for its pings and sessions to end; each line
  // that goes gets its last value. `steps` lead from `before`, which the fleet works by now, to `after`.
  connection::Awaitable<void> apply(SharedPlan before, SharedPlan after, const PlanSteps& steps);
  // Waits for the running pings; when the context ends they are cancelled and reported.
  connection::Awaitable<void> stop(connection::Context ctx);
  // After stop(): waits for the routers that went shortly before, each of which has its own limit.
  connection::Awaitable<void> wait_for_leavers();

  const Workers& workers() const { return workers_; }  // by the routers' names
  // Of all of them, and of those that went: counts never go back.
  scheduler::WorkerStatistics statistics() const;
  scheduler::RouterWorker* find(std::string_view router) const;

 private:
  void add(scheduler::RouterPlan plan);
  void remove(const std::string& router, const SharedPlan& before, config::Duration limit);
  connection::Awaitable<void> leave(std::shared_ptr<scheduler::RouterWorker> worker,
                                    std::shared_ptr<connection::Pool> pool, config::Duration limit);
  void report_removed(const config::Line& line);
  void submit(const aggregator::LineResult& result);
  void submit(const aggregator::TaskResult& result);

  boost::asio::any_io_executor loop_;
  Routers& routers_;
  aggregator::Aggregator& aggregator_;
  Discovery& discovery_;
  std::shared_ptr<spdlog::logger> log_;
  connection::TimePoint epoch_;
  Workers workers_;
  scheduler::WorkerStatistics past_;  // of workers that went
  int leaving_ = 0;                   // removed, and their pings or sessions not yet ended
  connection::Bell left_;
};

}  // namespace linewatch::agent
