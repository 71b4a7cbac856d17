#include "scheduler/worker.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "scheduler/measure.hpp"

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
                           std::shared_ptr<spdlog::logger> log)
    : loop_(std::move(loop)),
      router_(router),
      pool_(std::move(pool)),
      resolver_(resolver),
      timetable_(router.name, entries_of(lines), epoch, Clock::now()),
      sink_(std::move(sink)),
      log_(std::move(log)),
      timer_(loop_),
      all_done_(loop_, TimePoint::max()) {
  runs_.reserve(lines.size());
  for (const config::Line* line : lines) runs_.push_back({line});
}

void RouterWorker::start() {
  wait_for_next();
}

void RouterWorker::wait_for_next() {
  const TimePoint next = timetable_.next_due();
  if (stopping_ || next == TimePoint::max()) return;
  timer_.expires_at(next);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error || stopping_) return;
    start_due(Clock::now());
    wait_for_next();
  });
}

void RouterWorker::start_due(TimePoint now) {
  while (const auto turn = timetable_.take(now)) {
    LineRun& run = runs_[turn->entry];
    const std::uint64_t missed = turn->skipped + (run.running ? 1 : 0);
    if (missed > 0) skip(run, missed);
    if (run.running) continue;
    run.running = true;
    ++running_;
    ++statistics_.turns;
    asio::co_spawn(loop_, run_turn(turn->entry, turn->due), [](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
  }
}

Awaitable<void> RouterWorker::run_turn(std::size_t entry, TimePoint due) {
  LineRun& run = runs_[entry];
  const auto late = Clock::now() - due;
  const auto due_wall = std::chrono::system_clock::now() -
                        std::chrono::duration_cast<std::chrono::system_clock::duration>(late);
  const Context ctx(TimePoint::max(), cancel_turns_.get_token());
  // Who waits for a session longer than the interval reports that, turn by turn, instead of falling silent.
  const Clock::duration longest_wait = run.line->interval;
  const Measurement measurement =
      co_await measure(ctx, *run.line, router_, *pool_, resolver_, due_wall, longest_wait);
  run.running = false;
  report(run, measurement.result);
  if (--running_ == 0) all_done_.cancel();
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

// One log line per change of state, none per ping.
void RouterWorker::report(LineRun& run, const aggregator::LineResult& result) {
  if (run.state != result.state) {
    const auto level = result.state == aggregator::LineState::up ? spdlog::level::info : spdlog::level::warn;
    const std::string cause = result.error.empty() ? "" : ": " + result.error;
    log_->log(level, "line {} line={} router={} target={}{}", aggregator::to_string(result.state),
              run.line->id, router_.name, run.line->target, cause);
    run.state = result.state;
  }
  sink_(result);
}

Awaitable<void> RouterWorker::stop(Context ctx) {
  stopping_ = true;
  timer_.cancel();
  boost::system::error_code ignored;
  if (running_ > 0) {
    all_done_.expires_at(ctx.deadline());
    co_await all_done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (running_ > 0) {
    // The pings are cut short; each still reports, so their end is waited for without a limit of its own.
    cancel_turns_.request_stop();
    all_done_.expires_at(TimePoint::max());
    co_await all_done_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

}  // namespace linewatch::scheduler
