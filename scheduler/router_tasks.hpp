#pragma once
// The tasks of one router beside its pings: those of the site's own, of the router and of its lines, each at
// its interval by absolute deadlines on a timetable of their own, so that they move no ping; and traceroutes
// of lines that turned bad. All on the router's sessions. A task never runs twice at once. Owned by the
// router's worker, on its loop.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "aggregator/result.hpp"
#include "scheduler/line_traces.hpp"
#include "scheduler/load.hpp"
#include "scheduler/running_turns.hpp"
#include "scheduler/task/registry.hpp"
#include "scheduler/task_snapshot.hpp"
#include "scheduler/timetable.hpp"

namespace linewatch::scheduler {

struct TaskJob {
  const config::Task* task = nullptr;
  const config::Line* line = nullptr;  // null: the router's own
};

// The router's own tasks and those of its enabled lines.
std::vector<TaskJob> task_jobs(const config::Settings& settings, const config::Router& router,
                               const std::vector<const config::Line*>& lines);

class RouterTasks {
 public:
  using Sink = std::function<void(const aggregator::TaskResult&)>;
  using Paused = std::function<bool(const config::Line*)>;  // null: is the router as a whole?

  // References outlive the object; `paused` and `sink` are called from the loop.
  RouterTasks(boost::asio::any_io_executor loop, const config::Router& router, std::vector<TaskJob> jobs,
              connection::Pool& pool, connection::Resolver& resolver, TimePoint epoch, RunningTurns& turns,
              RouterLoad& load, Paused paused, Sink sink, std::shared_ptr<spdlog::logger> log);

  void start();
  void stop();  // starts nothing any more; what runs is the owner's to wait for (RunningTurns)

  // After each result of a line: is it to be traced?
  void measured(const config::Line& line, aggregator::LineState state);

  // Those with turns first, then the traceroutes that there were.
  std::vector<TaskSnapshot> snapshot() const;

 private:
  struct Run {
    TaskJob job;
    bool running = false;
    bool skips_said = false;
    std::uint64_t turns = 0, skipped = 0;
    std::optional<LastTask> last;
    RouterLoad::Part load;
  };

  void wait_for_next();
  void start_due(TimePoint now);
  void skip(Run& run, std::uint64_t turns);
  connection::Awaitable<void> run_turn(Run& run, TimePoint due, connection::Context ctx);
  void report(Run& run, const aggregator::TaskResult& result);
  void trace_next();
  connection::Awaitable<void> trace(const config::Line& line, connection::Context ctx);
  TaskTurn turn_of(const TaskJob& job) const;

  boost::asio::any_io_executor loop_;
  const config::Router& router_;
  std::vector<Run> runs_;  // by the timetable's entries; each stays where it is
  connection::Pool& pool_;
  connection::Resolver& resolver_;
  Timetable timetable_;
  RunningTurns& turns_;
  RouterLoad& load_;
  Paused paused_;
  Sink sink_;
  std::shared_ptr<spdlog::logger> log_;
  boost::asio::steady_timer timer_;
  RunTask run_command_, run_traceroute_;
  LineTraces traces_;
  std::map<std::string, Run> traced_;  // the last trace of each line, by its id
  bool stopping_ = false;
};

}  // namespace linewatch::scheduler
