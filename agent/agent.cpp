#include "agent/agent.hpp"

#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "agent/log.hpp"
#include "agent/version.hpp"
#include "config/duration.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;

Agent::Agent(asio::io_context& loop, const Background& background, std::filesystem::path file,
             Reloader::First first, ApiStart api, std::unique_ptr<Routers> routers,
             std::shared_ptr<spdlog::logger> log)
    : loop_(loop),
      log_(std::move(log)),
      routers_(std::move(routers)),
      state_dir_(first.plan->settings().agent.state_dir),
      aggregator_(loop.get_executor(), first.plan->settings().zabbix, routers_->resolver(), log_,
                  {.buffer_file = state_dir_ / "buffer.sqlite"}),
      discovery_(loop.get_executor(), background, aggregator_, state_dir_, log_),
      fleet_(loop.get_executor(), *routers_, aggregator_, discovery_, log_),
      own_items_(loop.get_executor(), fleet_, aggregator_),
      reloader_(
          loop.get_executor(), background, std::move(first),
          [this](SharedPlan before, SharedPlan after, const PlanSteps& steps) {
            return apply(std::move(before), std::move(after), steps);
          },
          log_),
      api_start_(std::move(api)),
      host_check_(loop.get_executor(), aggregator_, log_),
      loop_watch_(loop.get_executor()),
      requests_({loop.get_executor(), std::move(file), reloader_, api_, host_check_, *routers_, aggregator_,
                 fleet_, loop_watch_, std::chrono::system_clock::now()}),
      signals_(loop, SIGTERM, SIGINT, SIGHUP) {}

void Agent::start() {
  loop_watch_.start();
  aggregator_.start();
  discovery_.start(reloader_.plan());
  const connection::TimePoint began = connection::Clock::now();
  fleet_.start(reloader_.plan());
  aggregator_.on_turns_found(
      [this, began] { fleet_.skip_missed_late(aggregator_.take_last_turns(), began); });
  fleet_.skip_missed(aggregator_.take_last_turns());
  own_items_.start(reloader_.plan());
  reloader_.start();
  if (settings().zabbix.api) ask_api(std::move(api_start_));
  host_check_.start(reloader_.plan());
  open_control_socket();
  await_signal();
  log_->info("linewatch " LINEWATCH_VERSION " runs name={} routers={} lines={} destinations={}",
             settings().agent.name, fleet_.workers().size(), reloader_.plan()->lines(),
             settings().zabbix.servers.size());
  const config::ConnectionSettings& limits = settings().connection;
  log_->info("time limits connect={} read={} write={} health_check={} acquire={} stop={}",
             config::format_duration(limits.connect_timeout), config::format_duration(limits.read_timeout),
             config::format_duration(limits.write_timeout),
             config::format_duration(limits.health_check_timeout),
             config::format_duration(limits.acquire_timeout),
             config::format_duration(settings().agent.stop_timeout));
}

Awaitable<void> Agent::apply(SharedPlan before, SharedPlan after, const PlanSteps& steps) {
  co_await fleet_.apply(before, after, steps);
  const config::Settings& settings = after->settings();
  if (before->settings().zabbix != settings.zabbix) aggregator_.reconfigure(settings.zabbix);
  discovery_.apply(before, after, steps);
  own_items_.apply(after);
  host_check_.apply(after);
  log_->set_level(level_of(settings.log.level));
  if (before->settings().zabbix.api != settings.zabbix.api) co_await ask_other_api(after);
}

void Agent::ask_api(ApiStart first) {
  api_ = std::make_unique<ZabbixApiSource>(loop_.get_executor(), *settings().zabbix.api, state_dir_, log_);
  const std::string question = first.plan.question;
  api_->start(std::move(first), [this, question](std::vector<config::ApiHost> hosts) {
    reloader_.set_hosts({question, std::move(hosts)});
  });
}

// Another token or interval asks the same, and the plan that was taken stays the last one.
Awaitable<void> Agent::ask_other_api(SharedPlan after) {
  const Context soon = Context().within(std::chrono::seconds(5));
  if (api_) co_await api_->stop(soon);
  api_.reset();
  const auto& wanted = after->settings().zabbix.api;
  if (!wanted || stopping_) co_return;
  ApiStart first;
  first.asked = false;
  first.plan.question = question_of(*wanted);
  if (reloader_.hosts() && reloader_.hosts()->question == first.plan.question)
    first.plan = *reloader_.hosts();
  ask_api(std::move(first));
}

// Without it the agent measures all the same.
void Agent::open_control_socket() {
  if (settings().agent.control_socket.empty()) return;
  auto file = SocketFile::listen(settings().agent.control_socket);
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
    on_signal(number);
    await_signal();
  });
}

void Agent::on_signal(int number) {
  if (number == SIGHUP) return reloader_.request("SIGHUP");
  if (stopping_) {
    log_->warn(
        "stopped at once by a second signal; sessions may stay open on the routers, and what is neither sent "
        "nor on disk is lost");
    report();
    exit_code_ = exit_not_done;
    return loop_.stop();
  }
  stopping_ = true;
  log_->info("told to stop signal={}", number == SIGINT ? "SIGINT" : "SIGTERM");
  asio::co_spawn(loop_, stop(), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

// Clients of the control socket are sent away; then come pings, then sessions, then what is left to send:
// each gets its share of stop_timeout, and what one does not use the next ones have.
Awaitable<void> Agent::stop() {
  const auto began = Clock::now();
  const auto limit = settings().agent.stop_timeout;
  log_->info("stopping stop_timeout={}", config::format_duration(limit));
  const Context pings = Context().until(began + limit * 6 / 10);
  const Context logouts = Context().until(began + limit * 8 / 10);
  const Context sending = Context().until(began + limit * 95 / 100);
  if (control_) co_await control_->stop(pings);
  co_await reloader_.stop();
  if (api_) co_await api_->stop(pings);
  co_await host_check_.stop(pings);
  co_await discovery_.stop();
  own_items_.stop();
  co_await fleet_.stop(pings);
  co_await routers_->close(logouts);
  co_await fleet_.wait_for_leavers();
  co_await aggregator_.drain(sending);
  report();
  signals_.cancel();
  signals_.clear();
  loop_.stop();
}

void Agent::report() {
  const scheduler::WorkerStatistics all = fleet_.statistics();
  for (const auto& destination : aggregator_.statistics()) {
    log_->info("delivered destination={} processed={} failed={} dropped={} unsent={}", destination.name,
               destination.processed, destination.failed, destination.dropped, destination.queued);
  }
  log_->info("stopped turns={} skipped={}", all.turns, all.skipped());
}

}  // namespace linewatch::agent
