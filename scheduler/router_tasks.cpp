#include "scheduler/router_tasks.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "aggregator/text.hpp"

namespace linewatch::scheduler {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;

namespace {

std::string entry_name(const TaskJob& job) {
  return job.line ? job.task->name + " " + job.line->id : job.task->name;
}

std::vector<TimetableEntry> entries_of(const std::vector<TaskJob>& jobs) {
  std::vector<TimetableEntry> entries;
  entries.reserve(jobs.size());
  for (const TaskJob& job : jobs) entries.push_back({entry_name(job), job.task->interval});
  return entries;
}

std::chrono::system_clock::time_point wall(TimePoint time) {
  return std::chrono::system_clock::now() -
         std::chrono::duration_cast<std::chrono::system_clock::duration>(Clock::now() - time);
}

std::string of_line(const config::Line* line) {
  return line ? " line=" + line->id : "";
}

}  // namespace

std::vector<TaskJob> task_jobs(const config::Settings& settings, const config::Router& router,
                               const std::vector<const config::Line*>& lines) {
  std::vector<TaskJob> jobs;
  const auto add = [&](const std::string& name, const config::Line* line) {
    if (const config::Task* task = settings.task(name)) jobs.push_back({task, line});
  };
  for (const std::string& name : router.tasks) add(name, nullptr);
  for (const config::Line* line : lines) {
    for (const std::string& name : line->own_tasks()) add(name, line);
  }
  return jobs;
}

LastTask LastTask::of(const aggregator::TaskResult& result) {
  constexpr std::size_t longest = 200;
  LastTask last{result.clock, result.values, result.missing, result.error};
  for (aggregator::TaskFigure& value : last.values) {
    const bool cut = value.text.size() > longest;
    value.text = aggregator::valid_text(value.text, longest) + (cut ? "..." : "");
  }
  return last;
}

std::string LastTask::problem() const {
  if (!error.empty()) return error;
  std::string text;
  for (const std::string& each : missing) text += (text.empty() ? "" : "; ") + each;
  return text;
}

// The timetable has a name of its own, so that tasks and pings of the same interval do not meet.
RouterTasks::RouterTasks(asio::any_io_executor loop, const config::Router& router, std::vector<TaskJob> jobs,
                         connection::Pool& pool, connection::Resolver& resolver, TimePoint epoch,
                         RunningTurns& turns, RouterLoad& load, Paused paused, Sink sink,
                         std::shared_ptr<spdlog::logger> log)
    : loop_(std::move(loop)),
      router_(router),
      pool_(pool),
      resolver_(resolver),
      timetable_(router.name + " tasks", entries_of(jobs), epoch, Clock::now()),
      turns_(turns),
      load_(load),
      paused_(std::move(paused)),
      sink_(std::move(sink)),
      log_(std::move(log)),
      timer_(loop_),
      run_command_(find_task("command", router.platform->name)),
      run_traceroute_(find_task("traceroute", router.platform->name)) {
  runs_.reserve(jobs.size());
  for (const TaskJob& job : jobs) runs_.push_back({job});
}

void RouterTasks::start() {
  wait_for_next();
}

void RouterTasks::stop() {
  stopping_ = true;
  timer_.cancel();
}

void RouterTasks::wait_for_next() {
  const TimePoint next = timetable_.next_due();
  if (stopping_ || next == TimePoint::max()) return;
  timer_.expires_at(next);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopping_) return;
    start_due(Clock::now());
    wait_for_next();
  });
}

void RouterTasks::start_due(TimePoint now) {
  while (const auto turn = timetable_.take(now)) {
    Run& run = runs_[turn->entry];
    if (paused_(run.job.line)) {
      load_.rests(run.load);
      run.skipped += turn->skipped + 1;
      continue;
    }
    const std::uint64_t missed = turn->skipped + (run.running ? 1 : 0);
    if (missed > 0) skip(run, missed);
    if (run.running) continue;
    run.running = true;
    ++run.turns;
    asio::co_spawn(loop_, run_turn(run, turn->due, turns_.begin()), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
  }
}

// Said once: how many there are stands in status.
void RouterTasks::skip(Run& run, std::uint64_t turns) {
  if (!std::exchange(run.skips_said, true)) {
    log_->warn(
        "turns of a task are skipped task=\"{}\" router={}{}: the one before has not ended yet (it waits for "
        "a session or for its answer), or the agent stood still",
        run.job.task->name, router_.name, of_line(run.job.line));
  }
  run.skipped += turns;
}

TaskTurn RouterTasks::turn_of(const TaskJob& job) const {
  return {router_, job.line, job.task, pool_, resolver_, {}, {}};
}

Awaitable<void> RouterTasks::run_turn(Run& run, TimePoint due, Context ctx) {
  TaskTurn turn = turn_of(run.job);
  turn.due = wall(due);
  turn.longest_wait = run.job.task->interval;
  const TaskReport done = co_await run_command_(ctx, turn);
  run.running = false;
  load_.ran(run.load, done.held, run.job.task->interval);
  load_.say(router_.name, pool_.core().maximum(), *log_);
  if (!done.held_back) report(run, *done.task);
  turns_.end();
}

// A failure that lasts is said when it begins and when it ends, not at every turn.
void RouterTasks::report(Run& run, const aggregator::TaskResult& result) {
  const bool failed_before = run.last && !run.last->problem().empty();
  run.last = LastTask::of(result);
  const std::string problem = run.last->problem();
  const std::string cause = result.error.empty() ? "values are missing" : "there are no values";
  if (!problem.empty() && !failed_before) {
    log_->warn("{} task=\"{}\" router={}{}: {}", cause, result.task, router_.name, of_line(run.job.line),
               problem);
  } else if (problem.empty() && failed_before) {
    log_->info("all values are there again task=\"{}\" router={}{}", result.task, router_.name,
               of_line(run.job.line));
  }
  if (!result.values.empty()) sink_(result);
}

void RouterTasks::measured(const config::Line& line, aggregator::LineState state) {
  traces_.measured(line, state, Clock::now());
  trace_next();
}

void RouterTasks::trace_next() {
  if (stopping_) return;
  const config::Line* line = traces_.begin(Clock::now());
  while (line && paused_(line)) {  // since it turned bad
    traces_.ended();
    line = traces_.begin(Clock::now());
  }
  if (!line) return;
  asio::co_spawn(loop_, trace(*line, turns_.begin()), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

Awaitable<void> RouterTasks::trace(const config::Line& line, Context ctx) {
  Run& run = traced_[line.id];
  run.job.line = &line;
  run.running = true;
  ++run.turns;
  TaskTurn turn = turn_of(run.job);
  turn.due = std::chrono::system_clock::now();
  turn.longest_wait = line.trace.at_most_every;
  const TaskReport done = co_await run_traceroute_(ctx, turn);
  run.running = false;
  report(run, *done.task);
  traces_.ended();
  trace_next();
  turns_.end();
}

std::vector<TaskSnapshot> RouterTasks::snapshot() const {
  std::vector<TaskSnapshot> all;
  const auto add = [&](const Run& run) -> TaskSnapshot& {
    TaskSnapshot& shown = all.emplace_back();
    shown.name = run.job.task ? run.job.task->name : "traceroute";
    shown.task = run.job.task;
    shown.line = run.job.line;
    shown.running = run.running;
    shown.paused = paused_(run.job.line);
    shown.turns = run.turns;
    shown.skipped = run.skipped;
    shown.last = run.last;
    return shown;
  };
  for (std::size_t i = 0; i < runs_.size(); ++i) add(runs_[i]).next_due = timetable_.due(i);
  for (const auto& entry : traced_) add(entry.second);
  return all;
}

}  // namespace linewatch::scheduler
