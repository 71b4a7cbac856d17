#include "scheduler/router_tasks.hpp"

#include <algorithm>
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
RouterTasks::RouterTasks(asio::any_io_executor loop, RouterPlan plan, connection::Pool& pool,
                         connection::Resolver& resolver, TimePoint epoch, RunningTurns& turns,
                         RouterLoad& load, Paused paused, Sink sink, std::shared_ptr<spdlog::logger> log)
    : loop_(std::move(loop)),
      pool_(pool),
      resolver_(resolver),
      timetable_(plan.router->name + " tasks", entries_of(plan.jobs), epoch, Clock::now()),
      turns_(turns),
      load_(load),
      paused_(std::move(paused)),
      sink_(std::move(sink)),
      log_(std::move(log)),
      timer_(loop_) {
  adopt(std::move(plan));
}

void RouterTasks::start() {
  started_ = true;
  wait_for_next();
}

void RouterTasks::reconfigure(RouterPlan plan) {
  timetable_.replace(entries_of(plan.jobs), Clock::now());
  adopt(std::move(plan));
  keep_traces();
  if (started_) wait_for_next();
}

// Runs that stay are pointed to the new plan, new ones are made, and the others go when their turns end.
void RouterTasks::adopt(RouterPlan plan) {
  plan_ = std::move(plan);
  run_command_ = find_task("command", plan_.router->platform->name);
  run_traceroute_ = find_task("traceroute", plan_.router->platform->name);
  std::map<std::string, RunPointer> known;
  for (auto* runs : {&gone_, &runs_}) {
    for (RunPointer& run : *runs) known[run->name] = std::move(run);
    runs->clear();
  }
  for (const TaskJob& job : plan_.jobs) {
    auto found = known.extract(entry_name(job));
    runs_.push_back(found.empty() ? std::make_shared<Run>() : std::move(found.mapped()));
    runs_.back()->name = entry_name(job);
    runs_.back()->job = job;
  }
  for (auto& [name, run] : known) {
    run->gone = true;
    run->job = {};
    load_.rests(run->load);
    if (run->running) gone_.push_back(std::move(run));
  }
}

void RouterTasks::keep_traces() {
  traces_.forget_unless([this](const std::string& id) {
    const config::Line* line = line_of(id);
    return line && line->trace.on_loss;
  });
  std::erase_if(traced_, [this](const auto& traced) {
    const config::Line* const line = line_of(traced.first);
    traced.second->job.line = line;
    traced.second->gone = !line || !line->trace.on_loss;
    if (traced.second->gone) load_.rests(traced.second->load);
    return traced.second->gone;
  });
}

const config::Line* RouterTasks::line_of(const std::string& id) const {
  const auto found = std::ranges::find(plan_.lines, id, &config::Line::id);
  return found == plan_.lines.end() ? nullptr : *found;
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
    Run& run = *runs_[turn->entry];
    if (paused_(run.job.line)) {
      load_.rests(run.load);
      run.skipped += turn->skipped + 1;
      continue;
    }
    const std::uint64_t missed = turn->skipped + (run.running ? 1 : 0);
    if (missed > 0) skip(run, missed);
    if (run.running) continue;
    run.running = true;
    run.gone = false;
    ++run.turns;
    asio::co_spawn(loop_, run_turn(runs_[turn->entry], turn->due, turns_.begin()),
                   [](std::exception_ptr bug) {
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
        run.job.task->name, plan_.router->name, of_line(run.job.line));
  }
  run.skipped += turns;
}

// A turn keeps the plan that it began with.
Awaitable<void> RouterTasks::run_turn(RunPointer run, TimePoint due, Context ctx) {
  const RouterPlan plan{plan_.plan, plan_.router, {}, {}};
  const TaskJob job = run->job;
  const TaskTurn turn{*plan.router, job.line, job.task, pool_, resolver_, wall_time(due), job.task->interval};
  const TaskReport done = co_await run_command_(ctx, turn);
  run->running = false;
  std::erase(gone_, run);
  if (!run->gone) {
    load_.ran(run->load, done.held, job.task->interval);
    load_.say(plan.router->name, pool_.core().maximum(), *log_);
    if (!done.held_back) report(*run, *done.task);
  }
  turns_.end();
}

// A failure that lasts is said when it begins and when it ends, not at every turn.
void RouterTasks::report(Run& run, const aggregator::TaskResult& result) {
  const bool failed_before = run.last && !run.last->problem().empty();
  run.last = LastTask::of(result);
  const std::string problem = run.last->problem();
  const std::string cause = result.error.empty() ? "values are missing" : "there are no values";
  if (!problem.empty() && !failed_before) {
    log_->warn("{} task=\"{}\" router={}{}: {}", cause, result.task, plan_.router->name,
               of_line(run.job.line), problem);
  } else if (problem.empty() && failed_before) {
    log_->info("all values are there again task=\"{}\" router={}{}", result.task, plan_.router->name,
               of_line(run.job.line));
  }
  if (!result.values.empty()) sink_(result);
}

void RouterTasks::measured(const config::Line& line, aggregator::LineState state) {
  if (!line.trace.on_loss) return;
  const TimePoint now = Clock::now();
  const auto last = traced_.find(line.id);
  if (last != traced_.end() && now - last->second->traced > line.trace.at_most_every)
    load_.rests(last->second->load);
  traces_.measured(line, state, now);
  trace_next();
}

void RouterTasks::trace_next() {
  if (stopping_) return;
  while (const auto id = traces_.begin(Clock::now())) {
    const config::Line* line = line_of(*id);
    if (!line || paused_(line)) {  // since it turned bad
      traces_.ended();
      continue;
    }
    RunPointer& run = traced_[*id];
    if (!run) run = std::make_shared<Run>();
    run->job.line = line;
    run->running = true;
    ++run->turns;
    asio::co_spawn(loop_, trace(run, turns_.begin()), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
  }
}

Awaitable<void> RouterTasks::trace(RunPointer run, Context ctx) {
  const RouterPlan plan{plan_.plan, plan_.router, {}, {}};
  const config::Line* const line = run->job.line;
  const auto now = std::chrono::system_clock::now();
  const TaskTurn turn{*plan.router, line, nullptr, pool_, resolver_, now, line->trace.at_most_every};
  const TaskReport done = co_await run_traceroute_(ctx, turn);
  run->running = false;
  if (!run->gone) {
    run->traced = Clock::now();
    load_.ran(run->load, done.held, line->trace.at_most_every);
    report(*run, *done.task);
  }
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
  for (std::size_t i = 0; i < runs_.size(); ++i) add(*runs_[i]).next_due = timetable_.due(i);
  for (const auto& entry : traced_) add(*entry.second);
  return all;
}

}  // namespace linewatch::scheduler
