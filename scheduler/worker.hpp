#pragma once
// Runs the lines of one router: wakes when the timetable says, pings each due line on one of the router's
// sessions, and hands every result on; the router's other tasks run beside (RouterTasks). A turn ends in one
// result, or is skipped and counted: a line never runs twice at once, nor while it is paused. Lives on the
// router's loop; destroyed only after stop() returned.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <spdlog/logger.h>

#include "aggregator/record.hpp"
#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/pool/pool.hpp"
#include "connection/resolver.hpp"
#include "connection/spell.hpp"
#include "scheduler/line_snapshot.hpp"
#include "scheduler/load.hpp"
#include "scheduler/pauses.hpp"
#include "scheduler/router_plan.hpp"
#include "scheduler/router_tasks.hpp"
#include "scheduler/running_turns.hpp"
#include "scheduler/task/registry.hpp"
#include "scheduler/timetable.hpp"
#include "scheduler/turn.hpp"
#include "scheduler/worker_statistics.hpp"

namespace linewatch::scheduler {

class RouterWorker {
 public:
  using Sink = std::function<void(const aggregator::LineResult&)>;
  // Turns that were skipped without a result, and when the last of them was due: wall time in milliseconds.
  // 0: a turn before them is under way yet; when it has ended this is called once more, with no turns.
  using SkipSink =
      std::function<void(const std::string& line, SkipReason why, std::uint64_t turns, std::int64_t last)>;
  // When each line's last turn was, which was a result or counted: wall time in milliseconds.
  using LastTurns = std::unordered_map<aggregator::LineKey, std::int64_t>;

  // `resolver` outlives the worker. `epoch`: see Timetable.
  RouterWorker(boost::asio::any_io_executor loop, RouterPlan plan, std::shared_ptr<connection::Pool> pool,
               connection::Resolver& resolver, TimePoint epoch, Sink sink,
               std::shared_ptr<spdlog::logger> log, RouterTasks::Sink task_sink = {});

  void start();
  void on_skip(SkipSink sink) { skip_sink_ = std::move(sink); }  // before start()
  // Counts as skipped, with reason restart, the turns that were due after those of an earlier run and before
  // this one's first. A line that is not in it is new.
  // Known only later, they are those that were due before `began`, when this run began.
  void skip_missed(const LastTurns& last, TimePoint began = TimePoint::max());
  LastTurns accounted() const;  // what an earlier run is to have left now
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
  // Where a line's turn stands: none is under way; its target's name is resolved; it waits for a session; it
  // is typed, or waits to be confirmed.
  enum class At { rest, resolving, ready, pinging };
  struct LineRun {
    std::string id;
    const config::Line* line = nullptr;  // null: no more in the plan
    At at = At::rest;
    bool gone = false;      // what its turn under way gives is not reported
    TimePoint due;          // of its turn
    TimePoint place;        // ready: before those with a later one; kept from turn to turn while it waits
    TimePoint ready_since;  // the begin of its first turn that found no session yet
    std::string address;    // ready: what is pinged
    std::optional<TimePoint> skipped_to;  // turns that were skipped while it was under way, the last of them
    std::uint64_t skipped = 0;            // since that was last said
    TimePoint say_skips_from{};           // not more often than now and then
    std::optional<TimePoint> held_back_since;
    std::optional<LastResult> last;
    std::optional<aggregator::LineState> said;  // the line's state as it was last logged
    RouterLoad::Part load;
  };
  using RunPointer = std::shared_ptr<LineRun>;  // shared with its turn under way
  using Plan = std::shared_ptr<const config::Settings>;

  // worker.cpp: the plan, pauses, and what people see.
  void adopt(RouterPlan plan);
  void adopt_tasks();
  const LineRun* find(const std::string& id) const;
  void wait_for_next();
  void end_pauses(TimePoint now);
  void end_pause(PauseOf what, std::string_view why);
  bool task_paused(const config::Line* line) const;

  // worker_turns.cpp: turns from their due time to their result.
  void spawn(connection::Awaitable<void> turn);
  void start_due(TimePoint now);
  void take_due(TimePoint now);
  void begin(const RunPointer& run, TimePoint due);
  connection::Awaitable<void> resolve(RunPointer run, connection::Context ctx);
  void make_ready(const RunPointer& run, const connection::Result<std::string>& address);
  TaskTurn turn_of(const LineRun& run) const;
  void pass(LineRun& run, TimePoint due);
  int most_runners() const;
  void send_runners();
  connection::Awaitable<void> run_batches(connection::Context ctx);
  connection::Awaitable<void> run_batch(connection::Context ctx, Borrowed& borrowed);
  connection::Awaitable<void> wait_for_rider(connection::Context ctx);
  connection::Awaitable<bool> run_turn(RunPointer run, Borrowed& borrowed, connection::Context ctx);
  connection::Awaitable<void> confirm(RunPointer run, Plan plan, TaskTurn turn, Measurement measurement,
                                      connection::Context ctx);
  void fail_ready(const connection::Error& error, TimePoint asked);
  void end_untyped(const RunPointer& run, const Measurement& measurement);
  void end_typed(const RunPointer& run, Measurement& measurement);
  // `last`: when the last of them was due; without it each has a result as well.
  void skip(LineRun& run, SkipReason why, std::uint64_t turns, std::optional<TimePoint> last);
  std::int64_t wall_ms(TimePoint time) const;
  bool warming_up(LineRun& run, bool held_back);
  void report(LineRun& run, const aggregator::LineResult& result, bool say = true);

  boost::asio::any_io_executor loop_;
  RouterPlan plan_;
  std::vector<RunPointer> runs_;                // by the timetable's entries
  std::vector<RunPointer> gone_;                // no more in the plan, but their turns are under way
  std::multimap<TimePoint, RunPointer> ready_;  // by their places
  int runners_ = 0;                             // of batches of those that are ready
  std::size_t coming_ = 0;                      // of these, how many wait for a session or a line
  std::shared_ptr<connection::Pool> pool_;
  connection::Resolver& resolver_;
  TimePoint epoch_;
  Timetable timetable_;
  Pauses pauses_;
  Sink sink_;
  RouterTasks::Sink task_sink_;
  SkipSink skip_sink_;
  std::shared_ptr<spdlog::logger> log_;
  boost::asio::steady_timer timer_;
  RunTask run_ping_;
  RunningTurns running_;
  bool started_ = false, stopping_ = false;
  WorkerStatistics statistics_;
  connection::Spell overload_;  // turns found no session in time
  RouterLoad load_;
  std::unique_ptr<RouterTasks> tasks_;  // null: there never were any, and no line was to be traced
};

}  // namespace linewatch::scheduler
