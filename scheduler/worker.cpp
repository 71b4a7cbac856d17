#include "scheduler/worker.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
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

RouterWorker::RouterWorker(asio::any_io_executor loop, const config::Router& router,
                           std::vector<const config::Line*> lines, std::shared_ptr<connection::Pool> pool,
                           connection::Resolver& resolver, TimePoint epoch, Sink sink,
                           std::shared_ptr<spdlog::logger> log, const std::vector<TaskJob>& jobs,
                           RouterTasks::Sink task_sink)
    : loop_(std::move(loop)),
      router_(router),
      pool_(std::move(pool)),
      resolver_(resolver),
      timetable_(router.name, entries_of(lines), epoch, Clock::now()),
      sink_(std::move(sink)),
      log_(std::move(log)),
      timer_(loop_),
      run_ping_(find_task("ping", router.platform->name)),
      running_(loop_) {
  runs_.reserve(lines.size());
  for (const config::Line* line : lines) runs_.push_back({line});
  const bool traces =
      std::ranges::any_of(lines, [](const config::Line* line) { return line->trace.on_loss; });
  if (jobs.empty() && !traces) return;
  const auto paused = [this](const config::Line* line) { return task_paused(line); };
  tasks_ = std::make_unique<RouterTasks>(loop_, router_, jobs, *pool_, resolver_, epoch, running_, load_,
                                         paused, std::move(task_sink), log_);
}

void RouterWorker::start() {
  wait_for_next();
  if (tasks_) tasks_->start();
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
    if (pauses_.until(turn->entry)) {
      load_.rests(runs_[turn->entry].load);
      statistics_.skipped += turn->skipped + 1;
      statistics_.skipped_paused += turn->skipped + 1;
      continue;
    }
    LineRun& run = runs_[turn->entry];
    const std::uint64_t missed = turn->skipped + (run.running ? 1 : 0);
    if (missed > 0) skip(run, missed);
    if (run.running) continue;
    run.running = true;
    ++statistics_.turns;
    asio::co_spawn(loop_, run_turn(turn->entry, turn->due, running_.begin()), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
  }
}

Awaitable<void> RouterWorker::run_turn(std::size_t entry, TimePoint due, Context ctx) {
  LineRun& run = runs_[entry];
  const auto late = Clock::now() - due;
  const auto due_wall = std::chrono::system_clock::now() -
                        std::chrono::duration_cast<std::chrono::system_clock::duration>(late);
  // Who waits for a session longer than the interval reports that, turn by turn, instead of falling silent.
  const bool known_down = run.last && run.last->state == aggregator::LineState::down;
  const int confirmations = known_down ? 0 : run.line->confirm.times;
  const TaskTurn turn{router_,  run.line,           nullptr,      *pool_, resolver_,
                      due_wall, run.line->interval, confirmations};
  const TaskReport done = co_await run_ping_(ctx, turn);
  run.running = false;
  load_.ran(run.load, done.held, run.line->interval);
  load_.say(router_.name, pool_->core().maximum(), *log_);
  if (warming_up(run, done.held_back)) {
    skip_held_back(run);
  } else {
    report(run, done.line->result);
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
      run.line->id, router_.name, std::exchange(run.skipped, 0));
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
  log_->debug("turn skipped line={} router={}: the login waits for its turn (connection.total)", run.line->id,
              router_.name);
}

// One log line per change of state, none per ping.
void RouterWorker::report(LineRun& run, const aggregator::LineResult& result) {
  if (!run.last || run.last->state != result.state) {
    const auto level = result.state == aggregator::LineState::up ? spdlog::level::info : spdlog::level::warn;
    const std::string cause = result.error.empty() ? "" : ": " + result.error;
    log_->log(level, "line {} line={} router={} target={}{}", aggregator::to_string(result.state),
              run.line->id, router_.name, run.line->target, cause);
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
    log_->info("paused line={} router={} length=\"{}\"", runs_[*what].line->id, router_.name, length);
  } else {
    log_->info("paused router={} lines={} length=\"{}\"", router_.name, runs_.size(), length);
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
    log_->info("resumed line={} router={}: {}", runs_[*what].line->id, router_.name, why);
  } else {
    log_->info("resumed router={} lines={}: {}", router_.name, runs_.size(), why);
    pool_->start();
  }
}

std::optional<std::size_t> RouterWorker::entry_of(std::string_view line) const {
  const auto found = std::ranges::find_if(runs_, [&](const LineRun& run) { return run.line->id == line; });
  if (found == runs_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - runs_.begin());
}

LineSnapshot RouterWorker::line(std::size_t entry) const {
  const LineRun& run = runs_[entry];
  return {run.line, run.running, pauses_.until(entry), timetable_.due(entry), run.last};
}

LineTally RouterWorker::tally() const {
  LineTally tally;
  for (std::size_t entry = 0; entry < runs_.size(); ++entry) {
    ++tally.lines;
    if (pauses_.until(entry)) ++tally.paused;
    if (runs_[entry].last) {
      ++tally.by_state[static_cast<std::size_t>(runs_[entry].last->state)];
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
  const auto entry = line ? entry_of(line->id) : std::nullopt;
  return entry && pauses_.until(*entry);
}

Awaitable<void> RouterWorker::stop(Context ctx) {
  stopping_ = true;
  timer_.cancel();
  if (tasks_) tasks_->stop();
  co_await running_.finish(ctx);
}

}  // namespace linewatch::scheduler
