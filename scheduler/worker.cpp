#include "scheduler/worker.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <unordered_map>
#include <utility>

#include "config/duration.hpp"

namespace linewatch::scheduler {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;

namespace {

std::vector<TimetableEntry> entries_of(const std::vector<const config::Line*>& lines) {
  std::vector<TimetableEntry> entries;
  entries.reserve(lines.size());
  for (const config::Line* line : lines) entries.push_back({line->id, line->interval});
  return entries;
}

}  // namespace

RouterWorker::RouterWorker(asio::any_io_executor loop, RouterPlan plan,
                           std::shared_ptr<connection::Pool> pool, connection::Resolver& resolver,
                           TimePoint epoch, Sink sink, std::shared_ptr<spdlog::logger> log,
                           RouterTasks::Sink task_sink)
    : loop_(std::move(loop)),
      pool_(std::move(pool)),
      resolver_(resolver),
      epoch_(epoch),
      timetable_(plan.router->name, entries_of(plan.lines), epoch, Clock::now()),
      sink_(std::move(sink)),
      task_sink_(std::move(task_sink)),
      log_(std::move(log)),
      timer_(loop_),
      running_(loop_) {
  adopt(std::move(plan));
  adopt_tasks();
}

void RouterWorker::start() {
  started_ = true;
  wait_for_next();
  if (tasks_) tasks_->start();
}

void RouterWorker::reconfigure(RouterPlan plan) {
  timetable_.replace(entries_of(plan.lines), Clock::now());
  adopt(std::move(plan));
  pauses_.forget_lines_unless([this](const std::string& id) { return has_line(id); });
  adopt_tasks();
  if (started_) wait_for_next();
}

// Runs that stay are pointed to the new plan, new ones are made, and the others go when their turns end.
void RouterWorker::adopt(RouterPlan plan) {
  plan_ = std::move(plan);
  run_ping_ = find_task("ping", plan_.router->platform->name);
  std::unordered_map<std::string, RunPointer> known;
  for (auto* runs : {&gone_, &runs_}) {
    for (RunPointer& run : *runs) known[run->id] = std::move(run);
    runs->clear();
  }
  for (const config::Line* line : plan_.lines) {
    auto found = known.extract(line->id);
    runs_.push_back(found.empty() ? std::make_shared<LineRun>() : std::move(found.mapped()));
    runs_.back()->id = line->id;
    runs_.back()->line = line;
  }
  for (auto& [id, run] : known) {
    load_.rests(run->load);
    run->gone = true;
    run->line = nullptr;
    run->last.reset();  // should it come back, it is a new line
    if (run->running) gone_.push_back(std::move(run));
  }
}

void RouterWorker::adopt_tasks() {
  if (tasks_) return tasks_->reconfigure(plan_);
  const bool traces =
      std::ranges::any_of(plan_.lines, [](const config::Line* line) { return line->trace.on_loss; });
  if (plan_.jobs.empty() && !traces) return;
  const auto paused = [this](const config::Line* line) { return task_paused(line); };
  tasks_ = std::make_unique<RouterTasks>(loop_, plan_, *pool_, resolver_, epoch_, running_, load_, paused,
                                         task_sink_, log_);
  if (started_) tasks_->start();
}

void RouterWorker::wait_for_next() {
  const TimePoint next = std::min(timetable_.next_due(), pauses_.next_end());
  if (stopping_ || next == TimePoint::max()) return;
  timer_.expires_at(next);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopping_) return;
    const TimePoint now = Clock::now();
    end_pauses(now);
    start_due(now);
    wait_for_next();
  });
}

void RouterWorker::start_due(TimePoint now) {
  while (const auto turn = timetable_.take(now)) {
    LineRun& run = *runs_[turn->entry];
    if (pauses_.until(run.id)) {
      load_.rests(run.load);
      statistics_.skipped += turn->skipped + 1;
      statistics_.skipped_paused += turn->skipped + 1;
      continue;
    }
    const std::uint64_t missed = turn->skipped + (run.running ? 1 : 0);
    if (missed > 0) skip(run, missed);
    if (run.running) continue;
    run.running = true;
    run.gone = false;
    ++statistics_.turns;
    asio::co_spawn(loop_, run_turn(runs_[turn->entry], turn->due, running_.begin()),
                   [](std::exception_ptr bug) {
                     if (bug) std::rethrow_exception(bug);
                   });
  }
}

// A turn keeps the plan that it began with.
Awaitable<void> RouterWorker::run_turn(RunPointer run, TimePoint due, Context ctx) {
  const RouterPlan plan{plan_.plan, plan_.router, {}, {}};
  const config::Line& line = *run->line;
  const auto late = Clock::now() - due;
  const auto due_wall = std::chrono::system_clock::now() -
                        std::chrono::duration_cast<std::chrono::system_clock::duration>(late);
  // Who waits for a session longer than the interval reports that, turn by turn, instead of falling silent.
  const bool known_down = run->last && run->last->state == aggregator::LineState::down;
  const int confirmations = known_down ? 0 : line.confirm.times;
  const TaskTurn turn{*plan.router, &line,    nullptr,       *pool_,
                      resolver_,    due_wall, line.interval, confirmations};
  const TaskReport done = co_await run_ping_(ctx, turn);
  run->running = false;
  std::erase(gone_, run);
  if (!run->gone) {
    load_.ran(run->load, done.held, line.interval);
    load_.say(plan.router->name, pool_->core().maximum(), *log_);
    if (warming_up(*run, done.held_back)) {
      skip_held_back(*run);
    } else {
      report(*run, done.line->result);
    }
  }
  running_.end();
}

WorkerStatistics RouterWorker::statistics() const {
  WorkerStatistics all = statistics_;
  all.load = load_.of(pool_->core().maximum());
  return all;
}

void RouterWorker::skip(LineRun& run, std::uint64_t turns) {
  constexpr auto said_for = std::chrono::minutes(10);
  statistics_.skipped += turns;
  run.skipped += turns;
  const TimePoint now = Clock::now();
  if (now < run.say_skips_from) return;
  run.say_skips_from = now + said_for;
  log_->warn(
      "turns are skipped line={} router={} skipped={}: the turn before has not ended yet (it waits for a "
      "session or for "
      "its ping), or the agent stood still",
      run.id, router().name, std::exchange(run.skipped, 0));
}

// At a start with many routers the first turns come before the login has had its turn: no failure of the
// line. One that never has it is, and is told.
bool RouterWorker::warming_up(LineRun& run, bool held_back) {
  constexpr auto longest_warm_up = std::chrono::minutes(5);
  const TimePoint now = Clock::now();
  if (!held_back) run.held_back_since.reset();
  if (held_back && !run.held_back_since) run.held_back_since = now;
  return held_back && now - *run.held_back_since < longest_warm_up;
}

void RouterWorker::skip_held_back(const LineRun& run) {
  --statistics_.turns;
  ++statistics_.skipped;
  ++statistics_.skipped_warm_up;
  log_->debug("turn skipped line={} router={}: the login waits for its turn (connection.total)", run.id,
              router().name);
}

// One log line per change of state, none per ping.
void RouterWorker::report(LineRun& run, const aggregator::LineResult& result) {
  if (!run.last || run.last->state != result.state) {
    const auto level = result.state == aggregator::LineState::up ? spdlog::level::info : spdlog::level::warn;
    const std::string cause = result.error.empty() ? "" : ": " + result.error;
    log_->log(level, "line {} line={} router={} target={}{}", aggregator::to_string(result.state), run.id,
              router().name, run.line->target, cause);
  }
  run.last = LastResult::of(result);
  sink_(result);
  if (tasks_) tasks_->measured(*run.line, result.state);
}

void RouterWorker::pause(PauseOf what, TimePoint until) {
  using Milliseconds = std::chrono::milliseconds;
  pauses_.pause(what, until);
  const std::string length =
      until == Pauses::until_resumed
          ? "until it is resumed"
          : config::format_duration(std::chrono::round<Milliseconds>(until - Clock::now()));
  if (what) {
    log_->info("paused line={} router={} length=\"{}\"", *what, router().name, length);
  } else {
    log_->info("paused router={} lines={} length=\"{}\"", router().name, runs_.size(), length);
    pool_->rest();  // somebody works on it: no session in the way, no login that must fail
  }
  wait_for_next();
}

bool RouterWorker::resume(PauseOf what) {
  if (!pauses_.resume(what)) return false;
  end_pause(what, "by command");
  wait_for_next();
  return true;
}

void RouterWorker::end_pauses(TimePoint now) {
  for (const PauseOf& what : pauses_.end_due(now)) end_pause(what, "its time is over");
}

void RouterWorker::end_pause(PauseOf what, std::string_view why) {
  if (what) {
    log_->info("resumed line={} router={}: {}", *what, router().name, why);
  } else {
    log_->info("resumed router={} lines={}: {}", router().name, runs_.size(), why);
    pool_->start();
  }
}

const RouterWorker::LineRun* RouterWorker::find(const std::string& id) const {
  const auto found =
      std::ranges::find(runs_, id, [](const RunPointer& run) -> const std::string& { return run->id; });
  return found == runs_.end() ? nullptr : found->get();
}

std::vector<LineSnapshot> RouterWorker::lines() const {
  std::vector<LineSnapshot> lines;
  lines.reserve(runs_.size());
  for (std::size_t entry = 0; entry < runs_.size(); ++entry) {
    const LineRun& run = *runs_[entry];
    lines.push_back({run.line, run.running, pauses_.until(run.id), timetable_.due(entry), run.last});
  }
  return lines;
}

LineTally RouterWorker::tally() const {
  LineTally tally;
  for (const RunPointer& run : runs_) {
    ++tally.lines;
    if (pauses_.until(run->id)) ++tally.paused;
    if (run->last) {
      ++tally.by_state[static_cast<std::size_t>(run->last->state)];
    } else {
      ++tally.unmeasured;
    }
  }
  return tally;
}

std::vector<TaskSnapshot> RouterWorker::tasks() const {
  return tasks_ ? tasks_->snapshot() : std::vector<TaskSnapshot>();
}

bool RouterWorker::task_paused(const config::Line* line) const {
  if (pauses_.router_until()) return true;
  return line && pauses_.until(line->id);
}

Awaitable<void> RouterWorker::stop(Context ctx) {
  stopping_ = true;
  timer_.cancel();
  if (tasks_) tasks_->stop();
  co_await running_.finish(ctx);
}

}  // namespace linewatch::scheduler
