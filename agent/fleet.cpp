#include "agent/fleet.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "agent/gather.hpp"
#include "agent/slices.hpp"
#include "config/stable_hash.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using scheduler::RouterWorker;
using scheduler::SkipReason;

namespace {

// The monotonic time of the wall clock's zero, as of now: anchors the timetables.
connection::TimePoint wall_clock_zero() {
  return Clock::now() -
         std::chrono::duration_cast<Clock::duration>(std::chrono::system_clock::now().time_since_epoch());
}

const std::string& name_of(const std::unique_ptr<RouterWorker>& worker) {
  return worker->router().name;
}

void add_to(scheduler::WorkerStatistics& all, const scheduler::WorkerStatistics& its) {
  all.turns += its.turns;
  for (std::size_t i = 0; i < its.skipped_for.size(); ++i) all.skipped_for[i] += its.skipped_for[i];
  all.lateness += its.lateness;
}

}  // namespace

Fleet::Fleet(asio::any_io_executor loop, Routers& routers, aggregator::Aggregator& aggregator,
             Discovery& discovery, std::shared_ptr<spdlog::logger> log)
    : loop_(std::move(loop)),
      routers_(routers),
      aggregator_(aggregator),
      discovery_(discovery),
      log_(std::move(log)),
      epoch_(wall_clock_zero()),
      left_(loop_) {}

void Fleet::start(const SharedPlan& plan) {
  workers_.reserve(plan->routers().size());
  for (scheduler::RouterPlan router : plan->routers()) {
    router.plan = settings_of(plan);
    add(std::move(router));
  }
}

void Fleet::skip_missed(const RouterWorker::LastTurns& last) {
  skip_missed_late(last, connection::TimePoint::max());
  std::vector<aggregator::LineTurn> accounted;
  for (const auto& worker : workers_) {
    const RouterWorker::LastTurns its = worker->accounted();
    accounted.insert(accounted.end(), its.begin(), its.end());
  }
  aggregator_.set_turns(std::move(accounted));
}

void Fleet::skip_missed_late(const RouterWorker::LastTurns& last, connection::TimePoint began) {
  const std::uint64_t before = statistics().skipped(SkipReason::restart);
  for (const auto& worker : workers_) worker->skip_missed(last, began);
  const std::uint64_t missed = statistics().skipped(SkipReason::restart) - before;
  aggregator_.skipped(to_string(SkipReason::restart), missed);
  if (missed > 0)
    log_->info("turns were due while the agent did not run and count as skipped turns={}", missed);
}

scheduler::WorkerStatistics Fleet::statistics() const {
  scheduler::WorkerStatistics all = past_;
  for (const auto& worker : workers_) add_to(all, worker->statistics());
  return all;
}

RouterWorker* Fleet::find(std::string_view router) const {
  const auto found = std::ranges::lower_bound(workers_, router, {}, name_of);
  return found != workers_.end() && name_of(*found) == router ? found->get() : nullptr;
}

void Fleet::add(scheduler::RouterPlan plan) {
  auto pool = routers_.pool(*plan.router);
  pool->start();
  auto worker = std::make_unique<RouterWorker>(
      loop_, std::move(plan), std::move(pool), routers_.resolver(), epoch_,
      [this](const aggregator::LineResult& result) { submit(result); }, log_,
      [this](const aggregator::TaskResult& result) { submit(result); });
  worker->on_skip([this](const std::string& line, SkipReason why, std::uint64_t turns, std::int64_t last) {
    aggregator_.skipped(to_string(why), turns);
    if (last > 0) aggregator_.set_turn(config::stable_hash(line), last);
  });
  worker->start();
  const auto place = std::ranges::lower_bound(workers_, name_of(worker), {}, name_of);
  workers_.insert(place, std::move(worker));
}

// Without lines first, so that what is under way reports nothing any more.
void Fleet::remove(const std::string& router, const SharedPlan& before, config::Duration limit) {
  const auto found = std::ranges::lower_bound(workers_, router, {}, name_of);
  if (found == workers_.end() || name_of(*found) != router) return;
  std::shared_ptr<RouterWorker> worker = std::move(*found);
  workers_.erase(found);
  add_to(past_, worker->statistics());
  worker->reconfigure({settings_of(before), &worker->router(), {}, {}});
  ++leaving_;
  asio::co_spawn(loop_, leave(std::move(worker), routers_.take_out(router), limit),
                 [this](std::exception_ptr bug) {
                   if (bug) std::rethrow_exception(bug);
                   --leaving_;
                   left_.ring();
                 });
}

Awaitable<void> Fleet::leave(std::shared_ptr<RouterWorker> worker, std::shared_ptr<connection::Pool> pool,
                             config::Duration limit) {
  const Context pings = Context().within(limit * 6 / 10);
  const Context logouts = Context().within(limit * 8 / 10);
  std::vector<Awaitable<void>> ends;
  ends.push_back(worker->stop(pings));
  if (pool) ends.push_back(pool->drain(logouts));
  co_await gather(loop_, std::move(ends));
  log_->info("measured no more, logged out router={}", worker->router().name);
}

Awaitable<void> Fleet::apply(SharedPlan before, SharedPlan after, const PlanSteps& steps) {
  Slices slices(loop_);
  const auto settings = settings_of(after);
  routers_.begin_reload(settings);
  for (const std::size_t each : steps.going) {
    remove(before->routers()[each].router->name, before, after->settings().agent.stop_timeout);
    if (slices.over()) co_await slices.next();
  }
  const std::vector<std::string> pools = routers_.pool_names();
  for (const std::string& name : pools) {
    routers_.reload(name);
    if (slices.over()) co_await slices.next();
  }
  routers_.end_reload();
  for (const std::size_t each : steps.staying) {
    scheduler::RouterPlan plan = after->routers()[each];
    plan.plan = settings;
    if (RouterWorker* const worker = find(plan.router->name)) worker->reconfigure(std::move(plan));
    if (slices.over()) co_await slices.next();
  }
  for (const std::size_t each : steps.coming) {
    scheduler::RouterPlan plan = after->routers()[each];
    plan.plan = settings;
    add(std::move(plan));
    if (slices.over()) co_await slices.next();
  }
  for (const config::Line* line : steps.removed) {
    report_removed(*line);
    if (slices.over()) co_await slices.next();
  }
}

void Fleet::report_removed(const config::Line& line) {
  log_->info("line removed line={} router={}", line.id, line.router);
  submit(aggregator::removed_line(line.id, line.router, line.zabbix_host, line.own_host));
}

void Fleet::submit(const aggregator::LineResult& result) {
  aggregator_.submit(result, discovery_.hold(result.line, result.zabbix_host, result.own_host));
}

void Fleet::submit(const aggregator::TaskResult& result) {
  const bool of_a_line = !result.line.empty();
  const auto not_before =
      of_a_line ? discovery_.hold(result.line, result.zabbix_host, result.own_host) : Discovery::WallTime();
  aggregator_.submit(result, not_before);
}

Awaitable<void> Fleet::stop(Context ctx) {
  std::vector<Awaitable<void>> stops;
  stops.reserve(workers_.size());
  for (auto& worker : workers_) stops.push_back(worker->stop(ctx));
  co_await gather(loop_, std::move(stops));
}

Awaitable<void> Fleet::wait_for_leavers() {
  while (leaving_ > 0) co_await left_.wait(Context());
}

}  // namespace linewatch::agent
