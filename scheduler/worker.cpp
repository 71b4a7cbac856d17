#include "scheduler/worker.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "config/duration.hpp"
#include "config/stable_hash.hpp"

namespace linewatch::scheduler {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;

namespace {

bool same_items(const config::Line& a, const config::Line& b) {
  return a.zabbix_host == b.zabbix_host && a.own_host == b.own_host;
}

bool same_target(const config::Line& one, const config::Line& other) {
  return one.target == other.target && one.resolve == other.resolve && one.family == other.family;
}

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
  send_runners();
  if (started_) wait_for_next();
}

// Runs that stay are pointed to the new plan, new ones are made, and the others go when their turns end.
void RouterWorker::adopt(RouterPlan plan) {
  const RouterPlan before = std::exchange(plan_, std::move(plan));
  run_ping_ = find_task("ping", router().platform->name);
  std::unordered_map<std::string, RunPointer> known;
  for (auto* runs : {&gone_, &runs_}) {
    for (RunPointer& run : *runs) known[run->id] = std::move(run);
    runs->clear();
  }
  std::vector<RunPointer> changed;
  for (const config::Line* line : plan_.lines) {
    auto found = known.extract(line->id);
    const RunPointer& run =
        runs_.emplace_back(found.empty() ? std::make_shared<LineRun>() : std::move(found.mapped()));
    if (run->at == At::ready && !same_target(*run->line, *line)) changed.push_back(run);
    // Its items are others from now on: the old ones have had their last value.
    if (run->line && !same_items(*run->line, *line)) run->gone = run->at != At::rest && run->at != At::ready;
    run->id = line->id;
    run->line = line;
  }
  for (auto& [id, run] : known) {
    load_.rests(run->load);
    run->gone = true;
    run->line = nullptr;
    run->last.reset();  // should it come back, it is a new line
    run->said.reset();
    if (run->at == At::resolving || run->at == At::pinging) gone_.push_back(std::move(run));
  }
  std::erase_if(ready_, [&](const auto& entry) {
    return entry.second->gone || std::ranges::find(changed, entry.second) != changed.end();
  });
  for (const RunPointer& run : changed) begin(run, run->due);
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

void RouterWorker::skip_missed(const LastTurns& last, TimePoint began) {
  // A wall clock that was set back a little since must not make a turn that was into one that was not.
  constexpr auto slack = std::chrono::milliseconds(2);
  for (std::size_t entry = 0; entry < runs_.size(); ++entry) {
    const TimePoint before_first = std::min(timetable_.due(entry), began) - slack;
    const auto known = last.find(config::stable_hash(runs_[entry]->id));
    if (known == last.end()) continue;
    const TimePoint after = epoch_ + std::chrono::milliseconds(known->second) + slack;
    const std::uint64_t missed = timetable_.turns_between(entry, after, before_first);
    if (missed > 0) skip(*runs_[entry], SkipReason::restart, missed, std::nullopt);
  }
}

RouterWorker::LastTurns RouterWorker::accounted() const {
  LastTurns all;
  for (std::size_t entry = 0; entry < runs_.size(); ++entry)
    all.emplace(config::stable_hash(runs_[entry]->id),
                wall_ms(timetable_.due(entry) - runs_[entry]->line->interval));
  return all;
}

// Rounded up: not before it.
std::int64_t RouterWorker::wall_ms(TimePoint time) const {
  return std::chrono::ceil<std::chrono::milliseconds>(time - epoch_).count();
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

WorkerStatistics RouterWorker::statistics() const {
  WorkerStatistics all = statistics_;
  all.load = load_.of(pool_->core().maximum());
  return all;
}

void RouterWorker::pause(PauseOf what, TimePoint until) {
  using Milliseconds = std::chrono::milliseconds;
  pauses_.pause(what, until);
  const std::string length =
      until == Pauses::until_resumed
          ? "until it is resumed"
          : config::format_duration(std::chrono::round<Milliseconds>(until - Clock::now()));
  std::erase_if(ready_, [this](const auto& entry) {
    LineRun& run = *entry.second;
    if (!pauses_.until(run.id)) return false;
    run.at = At::rest;
    skip(run, SkipReason::paused, 1, run.due);
    return true;
  });
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
    lines.push_back({run.line, run.at != At::rest, pauses_.until(run.id), timetable_.due(entry), run.last});
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
