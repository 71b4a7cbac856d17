#include "agent/zabbix_api/source.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <random>
#include <utility>

#include "agent/zabbix_api/asking.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using config::ApiHost;
using connection::Awaitable;
using connection::Clock;
using connection::Context;

namespace {

// Once when a kind of trouble begins, once when it ends.
class ApiLog {
 public:
  ApiLog(std::shared_ptr<spdlog::logger> log, Asked::Outcome before) : log_(std::move(log)), last_(before) {}

  void said(Asked::Outcome outcome) { last_ = outcome; }  // by somebody else

  void say(const Asked& asked, std::size_t hosts) {
    const Asked::Outcome before = std::exchange(last_, asked.outcome);
    if (asked.outcome == Asked::Outcome::failed && before != asked.outcome)
      log_->warn("lines from the Zabbix API: {}; the last plan goes on hosts={}", asked.error, hosts);
    if (asked.outcome == Asked::Outcome::refused && before != asked.outcome)
      log_->warn("lines from the Zabbix API: the plan is not taken: {}", asked.error);
    if (asked.outcome == Asked::Outcome::taken && before != asked.outcome)
      log_->info("lines from the Zabbix API: it answers again hosts={}", hosts);
    if (asked.outcome != Asked::Outcome::taken) return;
    if (!asked.disk_trouble.empty() && disk_trouble_.empty())
      log_->warn("the plan from the Zabbix API would not survive a restart: {}", asked.disk_trouble);
    disk_trouble_ = asked.disk_trouble;
  }

 private:
  std::shared_ptr<spdlog::logger> log_;
  Asked::Outcome last_;
  std::string disk_trouble_;
};

struct WakeTimer {
  asio::io_context& loop;
  asio::steady_timer& timer;
  void operator()() const {
    asio::post(loop, [&timer = timer] { timer.cancel(); });
  }
};

Awaitable<Asked> ask_once(Context ctx, connection::Resolver& resolver, const config::ApiSettings& settings,
                          const std::filesystem::path& state_dir, const ApiPlan& last, bool kept) {
  const auto loop = co_await asio::this_coro::executor;
  ApiClient client(loop, resolver, settings);
  connection::Result<std::vector<ApiHost>> hosts = co_await fetch_hosts(ctx, client, settings);
  co_return judge(settings, state_dir, last, kept, std::move(hosts));
}

}  // namespace

struct ZabbixApiSource::Asker {
  asio::io_context loop{1};
  connection::Resolver resolver{1};
  config::ApiSettings settings;
  std::filesystem::path state_dir;
  ApiLimits limits;
  ApiLog log;
  ApiPlan plan{};
  bool kept = true;  // it is on the disk
  asio::steady_timer timer{loop};
  std::minstd_rand random{std::random_device{}()};
  std::function<void(ApiState, std::optional<std::vector<ApiHost>>)> tell{};  // on the thread

  Awaitable<void> run(Context ctx, bool asked_before, bool fetched) {
    const std::stop_callback<WakeTimer> on_stop(ctx.stop(), WakeTimer{loop, timer});
    ApiState state{.hosts = plan.hosts.size()};
    Clock::duration retry = limits.retry_first, pause = fetched ? jittered(settings.interval) : retry;
    if (!asked_before) pause = Clock::duration::zero();
    while (!ctx.stopped()) {
      timer.expires_after(pause);
      boost::system::error_code ignored;
      if (!ctx.stopped()) co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (ctx.stopped()) break;
      const Context bounded = ctx.within(limits.fetch);
      Asked asked = co_await ask_once(bounded, resolver, settings, state_dir, plan, kept);
      if (ctx.stopped()) break;
      const bool failed = asked.outcome == Asked::Outcome::failed && !asked.rejected;
      pause = failed ? std::min<Clock::duration>(retry, settings.interval) : jittered(settings.interval);
      retry = failed ? retry * 2 : limits.retry_first;
      if (retry > settings.interval) retry = settings.interval;
      report(std::move(asked), state);
    }
  }

  void report(Asked asked, ApiState& state) {
    std::optional<std::vector<ApiHost>> changed;
    if (asked.outcome == Asked::Outcome::taken) kept = asked.disk_trouble.empty();
    if (asked.changed) {
      plan = std::move(asked.plan);
      changed = plan.hosts;
    }
    log.say(asked, plan.hosts.size());
    if (asked.outcome == Asked::Outcome::taken) state.last_success = std::chrono::system_clock::now();
    state.last_error = asked.error;
    state.hosts = plan.hosts.size();
    tell(state, std::move(changed));
  }

  Clock::duration jittered(Clock::duration length) {
    return std::chrono::duration_cast<Clock::duration>(
        length * std::uniform_real_distribution<double>(0.9, 1.1)(random));
  }
};

ApiStart start_with_api(const config::ApiSettings& settings, const std::filesystem::path& state_dir,
                        std::shared_ptr<spdlog::logger> log, Clock::duration limit) {
  ApiStart start;
  start.plan.question = question_of(settings);
  if (auto kept = read_api_plan(state_dir, start.plan.question); !kept) {
    log->error("lines from the Zabbix API: the last plan cannot be used: {}", kept.error().text);
  } else if (*kept) {
    start.plan = std::move(**kept);
  }
  asio::io_context loop(1);
  connection::Resolver resolver(1);
  const Context ctx = Context().within(limit);
  Asked asked;
  asio::co_spawn(loop, ask_once(ctx, resolver, settings, state_dir, start.plan, true),
                 [&asked](std::exception_ptr bug, Asked answer) {
                   if (bug) std::rethrow_exception(bug);
                   asked = std::move(answer);
                 });
  loop.run();
  start.fetched = asked.outcome == Asked::Outcome::taken;
  start.refused = asked.outcome == Asked::Outcome::refused;
  start.error = asked.error;
  if (asked.changed) start.plan = std::move(asked.plan);
  const std::size_t hosts = start.plan.hosts.size();
  if (asked.outcome == Asked::Outcome::failed && hosts == 0) {
    log->error("lines from the Zabbix API: {}; there is no last plan, so there are no such lines yet",
               asked.error);
  } else {
    ApiLog(log, Asked::Outcome::taken).say(asked, hosts);
  }
  return start;
}

ZabbixApiSource::ZabbixApiSource(asio::any_io_executor loop, config::ApiSettings settings,
                                 std::filesystem::path state_dir, std::shared_ptr<spdlog::logger> log,
                                 ApiLimits limits)
    : loop_(loop),
      alive_(std::make_shared<bool>(true)),
      ended_(loop, connection::TimePoint::max()),
      asker_(new Asker{.settings = std::move(settings),
                       .state_dir = std::move(state_dir),
                       .limits = limits,
                       .log = ApiLog(std::move(log), Asked::Outcome::taken)}) {}

ZabbixApiSource::~ZabbixApiSource() {
  *alive_ = false;
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void ZabbixApiSource::start(ApiStart first, OnPlan changed) {
  changed_ = std::move(changed);
  state_.hosts = first.plan.hosts.size();
  if (first.fetched) state_.last_success = std::chrono::system_clock::now();
  asker_->plan = std::move(first.plan);
  if (first.asked && !first.fetched)
    asker_->log.said(first.refused ? Asked::Outcome::refused : Asked::Outcome::failed);
  state_.last_error = std::move(first.error);
  asker_->tell = [this, loop = loop_, alive = alive_](ApiState state,
                                                      std::optional<std::vector<ApiHost>> hosts) {
    asio::post(loop, [this, alive, state = std::move(state), hosts = std::move(hosts)]() mutable {
      if (*alive) took(std::move(state), std::move(hosts));
    });
  };
  thread_ = std::thread([this, asked = first.asked, fetched = first.fetched, loop = loop_, alive = alive_] {
    asio::co_spawn(asker_->loop, asker_->run(Context().stopped_by(stop_.get_token()), asked, fetched),
                   [](std::exception_ptr bug) {
                     if (bug) std::rethrow_exception(bug);
                   });
    asker_->loop.run();
    asio::post(loop, [this, alive] {
      if (!*alive) return;
      has_ended_ = true;
      ended_.cancel();
    });
  });
}

void ZabbixApiSource::took(ApiState state, std::optional<std::vector<ApiHost>> hosts) {
  if (stop_.stop_requested()) return;
  state_ = std::move(state);
  if (hosts && changed_) changed_(std::move(*hosts));
}

Awaitable<void> ZabbixApiSource::stop(Context ctx) {
  stop_.request_stop();
  if (!thread_.joinable() || has_ended_) co_return;
  boost::system::error_code ignored;
  ended_.expires_at(ctx.deadline());
  co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace linewatch::agent
