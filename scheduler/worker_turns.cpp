// The turns of a worker's lines. A line that is due waits in the ready queue until one of the runners, at
// most one for each session that the router grants, takes it: the line whose next turn comes first goes
// first, and keeps its place for as long as it waits, so that short intervals go before long ones and none
// waits for ever. A runner borrows a session for a batch of lines, and gives it back for others to have their
// turn. One line that is slow keeps one runner; the others take its neighbours.

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "config/address.hpp"
#include "config/counted.hpp"
#include "connection/bell.hpp"
#include "scheduler/measure.hpp"
#include "scheduler/worker.hpp"

namespace linewatch::scheduler {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::ErrorCode;
using connection::Result;

namespace {

// A line that is due so soon after the last one of a batch rides along; the session waits for it.
constexpr auto rides_along = std::chrono::milliseconds(50);
// A batch of slow lines ends before the session counts as not given back.
constexpr auto longest_batch = std::chrono::minutes(1);

bool resolved_by_agent(const config::Line& line) {
  return line.resolve == config::Resolve::agent && !config::is_ip(line.target);
}

}  // namespace

void RouterWorker::spawn(Awaitable<void> turn) {
  asio::co_spawn(loop_, std::move(turn), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

void RouterWorker::start_due(TimePoint now) {
  take_due(now);
  send_runners();
}

void RouterWorker::take_due(TimePoint now) {
  while (const auto turn = timetable_.take(now)) {
    const RunPointer run = runs_[turn->entry];
    if (pauses_.until(run->id)) {
      load_.rests(run->load);
      skip(*run, SkipReason::paused, turn->skipped + 1, turn->due);
      continue;
    }
    if (turn->skipped > 0) skip(*run, SkipReason::suspended, turn->skipped, turn->due - run->line->interval);
    switch (run->at) {
      case At::rest:
        begin(run, turn->due);
        break;
      case At::ready:
        pass(*run, turn->due);
        break;
      case At::resolving:
      case At::pinging:
        skip(*run, SkipReason::still_running, 1, turn->due);
        break;
    }
  }
}

void RouterWorker::begin(const RunPointer& run, TimePoint due) {
  run->gone = false;
  run->due = due;
  run->ready_since = Clock::now();
  if (resolved_by_agent(*run->line)) {
    run->at = At::resolving;  // without a session
    spawn(resolve(run, running_.begin()));
  } else {
    const Result<std::string> address = run->line->target;
    make_ready(run, address);
  }
}

Awaitable<void> RouterWorker::resolve(RunPointer run, Context ctx) {
  Result<std::string> address;
  const config::Line* line = nullptr;
  while (!run->gone && run->line != line) {  // its definition may have changed meanwhile
    const auto plan = plan_.plan;
    line = run->line;
    address = co_await target_address(ctx, *line, resolver_);
  }
  if (run->gone) {
    run->at = At::rest;
    std::erase(gone_, run);
  } else {
    make_ready(run, address);
    send_runners();
  }
  running_.end();
}

void RouterWorker::make_ready(const RunPointer& run, const Result<std::string>& address) {
  const TaskTurn turn = turn_of(*run);
  Measurement measurement = unmeasured(turn);
  if (!can_be_typed(turn, address, measurement)) return end_untyped(run, measurement);
  run->at = At::ready;
  run->address = *address;
  run->place = run->due + run->line->interval;
  ready_.emplace(run->place, run);
}

TaskTurn RouterWorker::turn_of(const LineRun& run) const {
  TaskTurn turn{router(), run.line, nullptr, *pool_, resolver_, wall_time(run.due)};
  // Who waits for a session longer than the interval reports that, turn by turn, instead of falling silent.
  turn.longest_wait = run.line->interval;
  if (run.said != aggregator::LineState::down) turn.confirmations = run.line->confirm.times;
  return turn;
}

// The line's turn came to nothing while it waited for a session; it waits on, for the turn that is due now.
void RouterWorker::pass(LineRun& run, TimePoint due) {
  connection::Error error = pool_->core().no_session(Clock::now(), run.ready_since);
  const bool overload = error.code == ErrorCode::acquire_timeout;
  if (overload) {
    error.text = fmt::format(
        "no session came free in {}: the router has {} for {}; raise max_connections or the interval",
        config::format_duration(run.line->interval),
        config::counted(static_cast<std::uint64_t>(most_runners()), "session"),
        config::counted(runs_.size(), "line"));
  }
  Measurement measurement = unmeasured(turn_of(run));
  fail_with(measurement, error);
  const TimePoint passed = std::exchange(run.due, due);
  if (warming_up(run, measurement.held_back)) return skip(run, SkipReason::warm_up, 1, passed);
  if (overload) {
    skip(run, SkipReason::overload, 1, std::nullopt);
  } else {
    ++statistics_.turns;
  }
  report(run, measurement.result, !overload);
}

int RouterWorker::most_runners() const {
  return std::max(1, pool_->core().maximum());
}

void RouterWorker::send_runners() {
  while (runners_ < most_runners() && coming_ < ready_.size()) {
    ++runners_;
    ++coming_;
    spawn(run_batches(running_.begin()));
  }
}

Awaitable<void> RouterWorker::run_batches(Context ctx) {
  Borrowed borrowed(*pool_);
  while (!ready_.empty() && runners_ <= most_runners()) {
    const TimePoint asked = Clock::now();
    std::string holder = ready_.begin()->second->id;
    const auto got = co_await borrowed.borrow(ctx, std::move(holder));
    if (!got) {
      fail_ready(got.error(), asked);
      continue;
    }
    --coming_;
    co_await run_batch(ctx, borrowed);
    ++coming_;
  }
  --coming_;
  --runners_;
  running_.end();
}

// Who came while a session was waited for has not waited long enough to be told that none came free; any
// other failure is that of all.
void RouterWorker::fail_ready(const connection::Error& error, TimePoint asked) {
  std::vector<RunPointer> failed;
  std::erase_if(ready_, [&](const auto& entry) {
    const RunPointer& run = entry.second;
    if (error.code == ErrorCode::acquire_timeout && run->ready_since > asked) return false;
    failed.push_back(run);
    return true;
  });
  for (const RunPointer& run : failed) {
    Measurement measurement = unmeasured(turn_of(*run));
    fail_with(measurement, error);
    end_untyped(run, measurement);
  }
}

void RouterWorker::end_untyped(const RunPointer& run, const Measurement& measurement) {
  run->at = At::rest;
  if (warming_up(*run, measurement.held_back)) return skip(*run, SkipReason::warm_up, 1, run->due);
  ++statistics_.turns;
  report(*run, measurement.result);
}

// Lines that are ready, in order, on one session. What a failed ping left of it is for the pool to mend.
Awaitable<void> RouterWorker::run_batch(Context ctx, Borrowed& borrowed) {
  const TimePoint until = Clock::now() + longest_batch;
  std::size_t size = 0;
  bool usable = true;
  while (usable && size < largest_batch && Clock::now() < until && !ctx.stopped()) {
    if (!stopping_) take_due(Clock::now());
    if (ready_.empty() && size > 0) co_await wait_for_rider(ctx);
    if (ready_.empty()) break;
    const RunPointer run = ready_.begin()->second;
    ready_.erase(ready_.begin());
    if (!stopping_) send_runners();  // for the others: this one has its session
    const bool done = co_await run_turn(run, borrowed, ctx);
    if (done) ++size;
    usable = done && borrowed.session().alive() && !borrowed.session().dirty();
  }
  ++statistics_.batches[size];
  borrowed.give_back();
}

Awaitable<void> RouterWorker::wait_for_rider(Context ctx) {
  const TimePoint next = timetable_.next_due();
  if (stopping_ || next > Clock::now() + rides_along || pool_->core().waiting() > 0) co_return;
  ++coming_;
  const bool slept = co_await connection::sleep_until(ctx, next);
  if (slept && !stopping_) take_due(Clock::now());
  --coming_;
}

// A turn keeps the plan that it began with. False: the session was found closed, and the line is ready still.
Awaitable<bool> RouterWorker::run_turn(RunPointer run, Borrowed& borrowed, Context ctx) {
  const auto plan = plan_.plan;
  const auto late = Clock::now() - run->due;
  TaskTurn turn = turn_of(*run);
  turn.on = &borrowed;
  turn.address = run->address;
  run->at = At::pinging;
  ++statistics_.turns;
  borrowed.used_by(run->id);
  TaskReport done = co_await run_ping_(ctx, turn);
  if (done.again) {
    --statistics_.turns;
    if (run->gone) {
      run->at = At::rest;
      std::erase(gone_, run);
    } else if (run->line != turn.line) {
      begin(run, run->due);  // its definition is another one now
    } else {
      run->at = At::ready;
      ready_.emplace(run->place, run);
    }
    co_return false;
  }
  statistics_.lateness.add(late);
  turn.on = nullptr;
  if (to_be_confirmed_later(turn, *done.line)) {
    Measurement first = std::move(*done.line);
    spawn(confirm(run, plan, turn, std::move(first), running_.begin()));
  } else {
    end_of_confirmation(ctx, turn, *done.line);
    end_typed(run, *done.line);
  }
  co_return true;
}

Awaitable<void> RouterWorker::confirm(RunPointer run, [[maybe_unused]] Plan plan, TaskTurn turn,
                                      Measurement measurement, Context ctx) {
  co_await confirm_later(ctx, turn, measurement);
  end_of_confirmation(ctx, turn, measurement);
  end_typed(run, measurement);
  running_.end();
}

void RouterWorker::end_typed(const RunPointer& run, Measurement& measurement) {
  const TimePoint now = Clock::now();
  run->at = At::rest;
  std::erase(gone_, run);
  if (run->gone) return;
  run->held_back_since.reset();
  load_.ran(run->load, measurement.held, run->line->interval);
  load_.say(router().name, most_runners(), *log_);
  if (const auto skipped = overload_.ended(now))
    log_->info("every turn finds a session again router={} skipped={}", router().name, *skipped);
  measurement.result.check_time = now - run->due;
  report(*run, measurement.result);
}

void RouterWorker::skip(LineRun& run, SkipReason why, std::uint64_t turns, std::optional<TimePoint> last) {
  statistics_.skipped_for[static_cast<std::size_t>(why)] += turns;
  if (skip_sink_ && last) {
    // While a turn is under way nothing is accounted for beyond it.
    const bool under_way = run.at == At::resolving || run.at == At::pinging;
    skip_sink_(run.id, why, turns, under_way ? 0 : wall_ms(*last));
    if (under_way) run.skipped_to = last;
  }
  const TimePoint now = Clock::now();
  if (why == SkipReason::warm_up) {
    log_->debug("turn skipped line={} router={}: the login waits for its turn (connection.total)", run.id,
                router().name);
  } else if (why == SkipReason::overload && overload_.add(now)) {
    log_->warn("turns find no session in time and are skipped router={} lines={} sessions={}", router().name,
               runs_.size(), most_runners());
  } else if (why == SkipReason::still_running || why == SkipReason::suspended) {
    constexpr auto said_for = std::chrono::minutes(10);
    run.skipped += turns;
    if (now < run.say_skips_from) return;
    run.say_skips_from = now + said_for;
    log_->warn("turns are skipped line={} router={} skipped={}: {}", run.id, router().name,
               std::exchange(run.skipped, 0),
               why == SkipReason::suspended ? "the agent stood still" : "the turn before has not ended yet");
  }
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

// One log line per change of state, none per ping, and none for what is said of the router as a whole.
void RouterWorker::report(LineRun& run, const aggregator::LineResult& result, bool say) {
  if (say && run.said != result.state) {
    const auto level = result.state == aggregator::LineState::up ? spdlog::level::info : spdlog::level::warn;
    const std::string cause = result.error.empty() ? "" : ": " + result.error;
    log_->log(level, "line {} line={} router={} target={}{}", aggregator::to_string(result.state), run.id,
              router().name, run.line->target, cause);
  }
  if (say) run.said = result.state;
  run.last = LastResult::of(result);
  sink_(result);
  if (const auto last = std::exchange(run.skipped_to, std::nullopt); last && skip_sink_)
    skip_sink_(run.id, SkipReason::still_running, 0, wall_ms(*last));
  if (tasks_) tasks_->measured(*run.line, result.state);
}

}  // namespace linewatch::scheduler
