#include "agent/agent.hpp"

#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <map>
#include <utility>

#include "agent/gather.hpp"
#include "agent/version.hpp"
#include "config/duration.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;

namespace {

// The monotonic time of the wall clock's zero, as of now: anchors the timetables.
connection::TimePoint wall_clock_zero() {
  return Clock::now() -
         std::chrono::duration_cast<Clock::duration>(std::chrono::system_clock::now().time_since_epoch());
}

}  // namespace

Agent::Agent(asio::io_context& loop, const config::Settings& settings, std::unique_ptr<Routers> routers,
             std::shared_ptr<spdlog::logger> log)
    : loop_(loop),
      settings_(settings),
      log_(std::move(log)),
      routers_(std::move(routers)),
      aggregator_(loop.get_executor(), settings.zabbix, routers_->resolver(), log_),
      loop_watch_(loop.get_executor()),
      requests_({loop.get_executor(), settings, *routers_, aggregator_, workers_, loop_watch_,
                 std::chrono::system_clock::now()}),
      signals_(loop, SIGTERM, SIGINT, SIGHUP) {}

void Agent::start() {
  loop_watch_.start();
  aggregator_.start();
  start_workers();
  open_control_socket();
  await_signal();
  log_->info("linewatch " LINEWATCH_VERSION " runs name={} routers={} lines={} destinations={}",
             settings_.agent.name, workers_.size(), lines_, settings_.zabbix.servers.size());
  const config::ConnectionSettings& limits = settings_.connection;
  log_->info(
      "time limits connect={} read={} write={} health_check={} acquire={} stop={}",
      config::format_duration(limits.connect_timeout), config::format_duration(limits.read_timeout),
      config::format_duration(limits.write_timeout), config::format_duration(limits.health_check_timeout),
      config::format_duration(limits.acquire_timeout), config::format_duration(settings_.agent.stop_timeout));
}

void Agent::start_workers() {
  std::map<std::string, std::vector<const config::Line*>> lines_of;
  for (const config::Line& line : settings_.lines) {
    if (line.enabled) lines_of[line.router].push_back(&line);
  }
  const auto epoch = wall_clock_zero();
  for (const config::Router& router : settings_.routers) {
    const auto found = lines_of.find(router.name);
    auto lines = found == lines_of.end() ? std::vector<const config::Line*>() : std::move(found->second);
    auto jobs = scheduler::task_jobs(settings_, router, lines);
    if (!router.measured() || (lines.empty() && jobs.empty())) continue;
    lines_ += lines.size();
    std::erase_if(lines, [](const config::Line* line) { return !line->pinged(); });
    auto pool = routers_->pool(router);
    pool->start();
    auto worker = std::make_unique<scheduler::RouterWorker>(
        loop_.get_executor(), scheduler::RouterPlan{nullptr, &router, std::move(lines), std::move(jobs)},
        std::move(pool), routers_->resolver(), epoch,
        [this](const aggregator::LineResult& result) { aggregator_.submit(result); }, log_,
        [this](const aggregator::TaskResult& result) { aggregator_.submit(result); });
    worker->start();
    workers_.push_back(std::move(worker));
  }
}

// Without it the agent measures all the same.
void Agent::open_control_socket() {
  if (settings_.agent.control_socket.empty()) return;
  auto file = SocketFile::listen(settings_.agent.control_socket);
  if (!file) {
    log_->warn("{}; linewatch status, pause, resume and ping through this agent will not work", file.error());
    return;
  }
  const auto answer = [this](ControlClientLink& client, const Json& request) {
    return requests_.answer(client, request);
  };
  control_ = std::make_unique<ControlServer>(loop_.get_executor(), std::move(*file), answer, log_);
  control_->start();
}

void Agent::await_signal() {
  signals_.async_wait([this](boost::system::error_code error, int number) {
    if (error) return;
    if (number == SIGHUP) {
      log_->warn("a reload is not in this version yet; restart to read the configuration again");
    } else if (stopping_) {
      log_->warn(
          "stopped at once by a second signal; sessions may stay open on the routers, unsent values are "
          "lost");
      report();
      exit_code_ = exit_not_done;
      loop_.stop();
    } else {
      stopping_ = true;
      log_->info("told to stop signal={}", number == SIGINT ? "SIGINT" : "SIGTERM");
      asio::co_spawn(loop_, stop(), [](std::exception_ptr bug) {
        if (bug) std::rethrow_exception(bug);
      });
    }
    await_signal();
  });
}

// Clients of the control socket are sent away; then come pings, then sessions, then what is left to send:
// each gets its share of stop_timeout, and what one does not use the next ones have.
Awaitable<void> Agent::stop() {
  const auto began = Clock::now();
  const auto limit = settings_.agent.stop_timeout;
  log_->info("stopping stop_timeout={}", config::format_duration(limit));
  const Context pings = Context().until(began + limit * 6 / 10);
  const Context logouts = Context().until(began + limit * 8 / 10);
  const Context sending = Context().until(began + limit * 95 / 100);
  if (control_) co_await control_->stop(pings);
  std::vector<Awaitable<void>> stops;
  stops.reserve(workers_.size());
  for (auto& worker : workers_) stops.push_back(worker->stop(pings));
  co_await gather(loop_.get_executor(), std::move(stops));
  co_await routers_->close(logouts);
  co_await aggregator_.drain(sending);
  report();
  signals_.cancel();
  signals_.clear();
  loop_.stop();
}

void Agent::report() {
  std::uint64_t turns = 0, skipped = 0;
  for (const auto& worker : workers_) {
    turns += worker->statistics().turns;
    skipped += worker->statistics().skipped();
  }
  for (const auto& destination : aggregator_.statistics()) {
    log_->info("delivered destination={} processed={} failed={} dropped={} unsent={}", destination.name,
               destination.processed, destination.failed, destination.dropped, destination.queued);
  }
  log_->info("stopped turns={} skipped={}", turns, skipped);
}

}  // namespace linewatch::agent
