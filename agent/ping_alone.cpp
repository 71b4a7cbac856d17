#include "agent/ping_alone.hpp"

#include <signal.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <exception>
#include <stop_token>

#include "agent/gather.hpp"
#include "agent/log.hpp"
#include "agent/routers.hpp"
#include "agent/trace.hpp"
#include "scheduler/measure.hpp"
#include "scheduler/task/ping_json.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;

namespace {

struct Session {
  const config::Settings& settings;
  const std::vector<const config::Line*>& lines;
  Routers& routers;
  PingReport& report;
  bool trace;
  std::stop_source stop;
};

// What must not show even if the router prints it.
std::vector<config::Secret> secrets_of(const config::Settings& settings, const config::Router& router) {
  std::vector<config::Secret> secrets;
  for (const std::string& name : router.credentials) {
    const config::Credential& credential = settings.credentials.at(name);
    if (credential.password) secrets.push_back(*credential.password);
    if (credential.enable_password) secrets.push_back(*credential.enable_password);
  }
  return secrets;
}

std::string understood(const config::Platform& platform, const aggregator::PingFigures& figures) {
  const auto object = scheduler::to_json(platform.name, figures);
  return "understood: " + object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Awaitable<void> measure_line(Session& session, const config::Line& line) {
  const config::Router& router = *session.settings.router(line.router);
  connection::Trace trace;
  if (session.trace) trace = make_trace(router.name, secrets_of(session.settings, router));
  const auto pool = session.routers.pool(router, trace);
  const connection::Context ctx(connection::TimePoint::max(), session.stop.get_token());
  const auto now = std::chrono::system_clock::now();
  const scheduler::TaskTurn turn{router, &line, nullptr, *pool, session.routers.resolver(), now};
  const scheduler::Measurement measurement = co_await scheduler::measure(ctx, turn);
  if (trace && measurement.result.figures)
    trace(connection::TraceDirection::note, understood(*router.platform, *measurement.result.figures));
  session.report.result(ping_json(line, router, measurement));
}

Awaitable<void> measure_all(asio::any_io_executor loop, Session& session) {
  session.report.header();
  std::vector<Awaitable<void>> runs;
  for (const config::Line* line : session.lines) runs.push_back(measure_line(session, *line));
  co_await gather(loop, std::move(runs));
  const connection::Context ctx = connection::Context().within(std::chrono::seconds(3));
  co_await session.routers.close(ctx);
}

// The first signal cancels the pings and logs out; a second one ends it at once.
void on_signal(asio::signal_set& signals, Session& session, asio::io_context& loop) {
  signals.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    if (!session.stop.request_stop()) {
      session.report.not_done();
      loop.stop();
    }
    on_signal(signals, session, loop);
  });
}

}  // namespace

void ping_alone(std::shared_ptr<const config::Settings> settings,
                const std::vector<const config::Line*>& lines, bool trace, PingReport& report) {
  asio::io_context loop(1);
  auto routers = Routers::open(loop.get_executor(), settings, make_silent_logger(), Routers::Owner::command);
  if (!routers) {
    std::fprintf(stderr, "linewatch: %s\n", routers.error().text.c_str());
    report.not_done();
    return;
  }

  Session session{*settings, lines, **routers, report, trace, {}};
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  on_signal(signals, session, loop);
  asio::co_spawn(loop, measure_all(loop.get_executor(), session), [&](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
    signals.cancel();
  });
  loop.run();
}

}  // namespace linewatch::agent
