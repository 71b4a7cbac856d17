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
#include "scheduler/router_plan.hpp"
#include "scheduler/running_turns.hpp"
#include "scheduler/task/registry.hpp"
#include "scheduler/task_snapshot.hpp"
#include "scheduler/timetable.hpp"

namespace linewatch::scheduler {

class RouterTasks {
 public:
  using Sink = std::function<void(const aggregator::TaskResult&)>;
  using Paused = std::function<bool(const config::Line*)>;  // null: is the router as a whole?

  // References outlive the object; `paused` and `sink` are called from the loop.
  RouterTasks(boost::asio::any_io_executor loop, RouterPlan plan, connection::Pool& pool,
              connection::Resolver& resolver, TimePoint epoch, RunningTurns& turns, RouterLoad& load,
              Paused paused, Sink sink, std::shared_ptr<spdlog::logger> log);

  void start();
  // Another plan of the same router: see RouterWorker. A task is known by its name and its line's id.
  void reconfigure(RouterPlan plan);
  void stop();  // starts nothing any more; what runs is the owner's to wait for (RunningTurns)

  // After each result of a line: is it to be traced?
  void measured(const config::Line& line, aggregator::LineState state);

  // Those with turns first, then the traceroutes that there were.
  std::vector<TaskSnapshot> snapshot() const;

 private:
  struct Run {
    TaskJob job;
    std::string name;  // of the task and its line
    bool running = false;
    bool gone = false;  // what its turn under way gives is not reported
    bool skips_said = false;
    std::uint64_t turns = 0, skipped = 0;
    std::optional<LastTask> last;
    RouterLoad::Part load;
    TimePoint traced{};  // of a trace: when the last one ended
  };

  using RunPointer = std::shared_ptr<Run>;  // shared with its turn under way

  void adopt(RouterPlan plan);
  void keep_traces();
  const config::Line* line_of(const std::string& id) const;
  void wait_for_next();
  void start_due(TimePoint now);
  void skip(Run& run, std::uint64_t turns);
  connection::Awaitable<void> run_turn(RunPointer run, TimePoint due, connection::Context ctx);
  void report(Run& run, const aggregator::TaskResult& result);
  void trace_next();
  connection::Awaitable<void> trace(RunPointer run, connection::Context ctx);

  boost::asio::any_io_executor loop_;
  RouterPlan plan_;
  std::vector<RunPointer> runs_;  // by the timetable's entries
  std::vector<RunPointer> gone_;  // no more in the plan, but their turns are under way
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
  std::map<std::string, RunPointer> traced_;  // the last trace of each line, by its id
  bool started_ = false, stopping_ = false;
};

}  // namespace linewatch::scheduler
