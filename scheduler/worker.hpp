#pragma once
// Runs the lines of one router: wakes when the timetable says, starts each due line's turn, and hands every
// result on; the router's other tasks run beside (RouterTasks). A line never runs twice at once: a turn that
// finds the last one still running is skipped and counted, as are the turns of a paused line. Lives on the
// router's loop; destroyed only after stop() returned.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <spdlog/logger.h>

#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/pool/pool.hpp"
#include "connection/resolver.hpp"
#include "scheduler/line_snapshot.hpp"
#include "scheduler/load.hpp"
#include "scheduler/pauses.hpp"
#include "scheduler/router_plan.hpp"
#include "scheduler/router_tasks.hpp"
#include "scheduler/running_turns.hpp"
#include "scheduler/task/registry.hpp"
#include "scheduler/timetable.hpp"

namespace linewatch::scheduler {

struct WorkerStatistics {
  std::uint64_t turns = 0;    // started
  std::uint64_t skipped = 0;  // not started, for whatever reason
  // Of these; the others: the turn before still ran, or the loop stood still.
  std::uint64_t skipped_paused = 0;   // the line was paused
  std::uint64_t skipped_warm_up = 0;  // the router's login waited for its turn among all of the agent
  double load = 0;                    // of the router's sessions by its lines and tasks; see RouterLoad
};

class RouterWorker {
 public:
  using Sink = std::function<void(const aggregator::LineResult&)>;

  // `resolver` outlives the worker. `epoch`: see Timetable.
  RouterWorker(boost::asio::any_io_executor loop, RouterPlan plan, std::shared_ptr<connection::Pool> pool,
               connection::Resolver& resolver, TimePoint epoch, Sink sink,
               std::shared_ptr<spdlog::logger> log, RouterTasks::Sink task_sink = {});

  void start();
  // Another plan of the same router (the name stays), as a difference by the ids of lines. A line that stays
  // keeps its last result, its pause and its load; a turn under way ends with the definition it began with,
  // and reports. Of a line that is removed nothing is reported from now on, not even if it comes back before
  // the turn that was under way has ended; nor does it run twice at once then. When lines are due: see
  // Timetable::replace(). What the pool is to know of the change (limits, the way in) is the caller's to say.
  void reconfigure(RouterPlan plan);
  // Starts no more turns and waits for the running ones; when the context ends they are cancelled and
  // reported.
  connection::Awaitable<void> stop(connection::Context ctx);

  // From now on turns of the line, or of all lines, are skipped, and those of its or all tasks. A ping under
  // way ends as usual. A paused router's sessions are logged out.
  void pause(PauseOf what, TimePoint until);
  // False: it was not paused. What is resumed has its next turn when the timetable says, not at once.
  bool resume(PauseOf what);
  const Pauses& pauses() const { return pauses_; }

  WorkerStatistics statistics() const;
  const config::Router& router() const { return *plan_.router; }
  const connection::Pool& pool() const { return *pool_; }

  // The lines of the plan that it runs now.
  std::size_t line_count() const { return runs_.size(); }
  bool has_line(const std::string& id) const { return find(id) != nullptr; }
  std::vector<LineSnapshot> lines() const;
  LineTally tally() const;
  std::vector<TaskSnapshot> tasks() const;

 private:
  struct LineRun {
    std::string id;
    const config::Line* line = nullptr;  // null: no more in the plan
    bool running = false;
    bool gone = false;          // what its turn under way gives is not reported
    std::uint64_t skipped = 0;  // since that was last said
    std::optional<TimePoint> held_back_since;
    TimePoint say_skips_from{};  // not more often than now and then
    std::optional<LastResult> last;
    RouterLoad::Part load;
  };

  using RunPointer = std::shared_ptr<LineRun>;  // shared with its turn under way

  void adopt(RouterPlan plan);
  void adopt_tasks();
  const LineRun* find(const std::string& id) const;
  void wait_for_next();
  void start_due(TimePoint now);
  connection::Awaitable<void> run_turn(RunPointer run, TimePoint due, connection::Context ctx);
  void skip(LineRun& run, std::uint64_t turns);
  bool warming_up(LineRun& run, bool held_back);
  void skip_held_back(const LineRun& run);
  void report(LineRun& run, const aggregator::LineResult& result);
  void end_pauses(TimePoint now);
  void end_pause(PauseOf what, std::string_view why);
  bool task_paused(const config::Line* line) const;

  boost::asio::any_io_executor loop_;
  RouterPlan plan_;
  std::vector<RunPointer> runs_;  // by the timetable's entries
  std::vector<RunPointer> gone_;  // no more in the plan, but their turns are under way
  std::shared_ptr<connection::Pool> pool_;
  connection::Resolver& resolver_;
  TimePoint epoch_;
  Timetable timetable_;
  Pauses pauses_;
  Sink sink_;
  RouterTasks::Sink task_sink_;
  std::shared_ptr<spdlog::logger> log_;
  boost::asio::steady_timer timer_;
  RunTask run_ping_;
  RunningTurns running_;
  bool started_ = false, stopping_ = false;
  WorkerStatistics statistics_;
  RouterLoad load_;
  std::unique_ptr<RouterTasks> tasks_;  // null: there never were any, and no line was to be traced
};

}  // namespace linewatch::scheduler
