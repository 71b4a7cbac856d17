#include "agent/zabbix_api/host_check.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <thread>
#include <utility>

namespace linewatch::agent {

namespace asio = boost::asio;
using aggregator::RefusedItems;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::Result;
using connection::TimePoint;

namespace {

constexpr std::size_t most_hosts = 100, most_items = 1000;  // of refused items in one question
constexpr std::size_t most_said = 20;                       // hosts in the log at once
constexpr HttpLimits http_limits{.answer = 16ULL << 20};

// `plan` keeps the settings.
Awaitable<Result<HostAnswer>> ask_once(Context ctx, connection::Resolver& resolver, SharedPlan plan,
                                       std::vector<RefusedItems> refused, bool round) {
  const auto loop = co_await asio::this_coro::executor;
  ApiClient client(loop, resolver, *plan->settings().zabbix.api, http_limits);
  HostQuestion question;
  if (round) question.hosts = hosts_of(*plan);
  question.refused = std::move(refused);
  Result<HostAnswer> answer = co_await ask_about_hosts(ctx, client, std::move(question));
  co_return answer;
}

}  // namespace

std::vector<std::string> hosts_of(const Plan& plan) {
  std::vector<std::string> hosts{plan.settings().agent.name};
  for (const scheduler::RouterPlan& each : plan.routers()) {
    if (each.router->own_items || !each.jobs.empty()) hosts.push_back(each.router->zabbix_host);
    for (const config::Line* line : each.lines) hosts.push_back(line->zabbix_host);
  }
  std::ranges::sort(hosts);
  const auto doubles = std::ranges::unique(hosts);
  hosts.erase(doubles.begin(), doubles.end());
  return hosts;
}

struct HostCheck::Asker {
  asio::io_context loop{1};
  connection::Resolver resolver{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{loop.get_executor()};
  std::thread thread{[this] { loop.run(); }};

  ~Asker() {
    work.reset();
    thread.join();
  }
};

HostCheck::HostCheck(asio::any_io_executor loop, aggregator::Aggregator& aggregator,
                     std::shared_ptr<spdlog::logger> log, Pace pace)
    : loop_(loop),
      aggregator_(aggregator),
      log_(std::move(log)),
      pace_(pace),
      look_timer_(loop),
      ended_(loop, TimePoint::max()),
      alive_(std::make_shared<bool>(true)) {}

HostCheck::~HostCheck() {
  *alive_ = false;
  stop_.request_stop();
}

void HostCheck::start(const SharedPlan& plan) {
  plan_ = plan;
  next_round_ = next_reasons_ = Clock::now();
  look();
}

void HostCheck::apply(const SharedPlan& plan) {
  const bool other_api = plan_->settings().zabbix.api != plan->settings().zabbix.api;
  plan_ = plan;
  if (!other_api) return;
  state_ = {};
  next_round_ = next_reasons_ = Clock::now();
}

Awaitable<void> HostCheck::stop(Context ctx) {
  stop_.request_stop();
  look_timer_.cancel();
  if (!asking_) co_return;
  boost::system::error_code ignored;
  ended_.expires_at(ctx.deadline());
  co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// Now and then rather than when something happens: a packet's refused items are found out one by one.
void HostCheck::look() {
  look_timer_.expires_after(pace_.look);
  look_timer_.async_wait([this](boost::system::error_code stopped) {
    if (stopped || stop_.stop_requested()) return;
    if (!asking_ && plan_->settings().zabbix.api) ask(Clock::now());
    look();
  });
}

void HostCheck::ask(TimePoint now) {
  std::vector<RefusedItems> refused;
  if (now >= next_reasons_) refused = aggregator_.unexplained(most_hosts, most_items);
  // One at a time, so that a round over very many hosts holds up no reasons with it when it fails.
  const bool round = refused.empty() && now >= next_round_;
  if (!round && refused.empty()) return;
  const Clock::duration interval = plan_->settings().zabbix.api->interval;
  if (!refused.empty()) next_reasons_ = now + pace_.pause;
  if (round) next_round_ = now + std::clamp<Clock::duration>(interval, pace_.pause, std::chrono::hours(1));
  asking_ = true;
  if (!asker_) asker_ = std::make_unique<Asker>();
  const Context ctx = Context().stopped_by(stop_.get_token()).within(round ? pace_.round_limit : pace_.limit);
  asio::co_spawn(
      asker_->loop, ask_once(ctx, asker_->resolver, plan_, std::move(refused), round),
      [this, loop = loop_, alive = alive_, plan = plan_, round](std::exception_ptr bug, Answer answer) {
        if (bug) std::rethrow_exception(bug);
        asio::post(loop, [this, alive, plan, round, answer = std::move(answer)]() mutable {
          if (*alive) took(plan, round, std::move(answer));
        });
      });
}

void HostCheck::took(const SharedPlan& plan, bool round, Answer answer) {
  asking_ = false;
  ended_.cancel();
  if (stop_.stop_requested()) return;
  const auto& api = plan_->settings().zabbix.api;
  if (!api || plan->settings().zabbix.api != api) return;  // another one is asked by now
  say_outage(answer ? std::string() : answer.error().text);
  if (!answer) {
    const bool rejected = answer.error().code == connection::ErrorCode::authentication;
    // Asking an account that is not let in again soon may lock it.
    if (rejected)
      next_reasons_ = next_round_ = std::max(next_reasons_, Clock::now() + api->interval);
    else if (round)
      next_round_ = std::min(next_round_, Clock::now() + pace_.pause);
    return;
  }
  state_.last_success = std::chrono::system_clock::now();
  for (const RefusedItems& each : answer->refused) aggregator_.explain(each);
  if (round) take_round(std::move(*answer));
}

void HostCheck::take_round(HostAnswer answer) {
  const std::vector<HostTrouble> before = std::exchange(state_.troubles, std::move(answer.troubles));
  state_.unseen = answer.unseen.size();
  std::size_t said = 0;
  for (const HostTrouble& trouble : state_.troubles) {
    if (std::ranges::binary_search(before, trouble) || ++said > most_said) continue;
    log_->warn("host {} {}", trouble.host, trouble.what);
  }
  for (const HostTrouble& trouble : before) {
    if (!std::ranges::binary_search(answer.stored, trouble.host) || ++said > most_said) continue;
    log_->info("host {} stores what it is sent again", trouble.host);
  }
  if (said > most_said)
    log_->info("and so on for more hosts, linewatch status says which now hosts={}", said - most_said);
}

void HostCheck::say_outage(std::string error) {
  const bool before = !state_.last_error.empty(), now = !error.empty();
  if (now && !before)
    log_->warn(
        "zabbix.api cannot be asked why zabbix refuses values and which hosts store none, that goes "
        "on without it cause=\"{}\"",
        error);
  if (before && !now) log_->info("zabbix.api can be asked about hosts again");
  state_.last_error = std::move(error);
}

}  // namespace linewatch::agent
