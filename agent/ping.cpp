// `linewatch ping`: measures now, once, through sessions of its own, and prints each result as it arrives.

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cmath>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <set>
#include <stop_token>

#include "agent/commands.hpp"
#include "agent/gather.hpp"
#include "agent/log.hpp"
#include "agent/routers.hpp"
#include "agent/suggest.hpp"
#include "agent/time_text.hpp"
#include "agent/trace.hpp"
#include "config/printable.hpp"
#include "scheduler/measure.hpp"
#include "scheduler/task/ping_json.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using aggregator::LineState;
using connection::Awaitable;

namespace {

// The lines asked for, in the order of the configuration or of the command line; empty with a word on
// standard error if one of them is unknown.
std::vector<const config::Line*> chosen_lines(const Options& options, const config::Settings& settings) {
  std::vector<const config::Line*> lines;
  if (options.all) {
    for (const config::Line& line : settings.lines) {
      if (line.enabled && settings.router(line.router)->enabled) lines.push_back(&line);
    }
    if (lines.empty())
      std::fprintf(stderr, "linewatch: no line is enabled in %s\n", options.config_file.c_str());
    return lines;
  }
  std::vector<std::string> known;
  for (const config::Line& line : settings.lines) known.push_back(line.id);
  std::set<std::string> seen;
  for (const std::string& id : options.names) {
    const config::Line* line = settings.line(id);
    if (!line) {
      std::fprintf(stderr, "linewatch: no line '%s' in %s%s\n", id.c_str(), options.config_file.c_str(),
                   did_you_mean(id, known).c_str());
      return {};
    }
    if (seen.insert(id).second) lines.push_back(line);
  }
  return lines;
}

class Printer {
 public:
  Printer(const std::vector<const config::Line*>& lines, bool json) : json_(json) {
    for (const config::Line* line : lines) {
      id_width_ = std::max(id_width_, line->id.size());
      router_width_ = std::max(router_width_, line->router.size());
      target_width_ = std::max(target_width_, line->target.size());
    }
  }

  void header() const {
    if (json_) return;
    fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<12} {:>7}  {:>24}\n", "LINE", id_width_, "ROUTER", router_width_,
               "TARGET", target_width_, "STATE", "LOSS", "RTT MIN/AVG/MAX MS");
    std::fflush(stdout);
  }

  void result(const config::Line& line, const config::Router& router,
              const scheduler::Measurement& measurement) const {
    if (json_) {
      print_json(line, router, measurement);
    } else {
      print_row(line, measurement.result);
    }
    std::fflush(stdout);
  }

 private:
  static void print_json(const config::Line& line, const config::Router& router,
                         const scheduler::Measurement& measurement) {
    const aggregator::LineResult& result = measurement.result;
    aggregator::PingFigures figures;
    if (result.figures) figures = *result.figures;
    if (figures.error.empty()) figures.error = result.error;
    auto object = scheduler::to_json(router.platform->name, figures);
    object["line"] = line.id;
    object["router"] = router.name;
    object["target"] = line.target;
    object["state"] = std::string(to_string(result.state));
    object["started"] = rfc3339(result.clock);
    object["duration_ms"] = std::round(result.check_time.count() * 1e6) / 1e3;
    object["session"] = measurement.reused ? "reused" : "new";
    fmt::print("{}\n", object.dump(-1, ' ', false, decltype(object)::error_handler_t::replace));
  }

  void print_row(const config::Line& line, const aggregator::LineResult& result) const {
    std::string loss = "-", rtt = "-";
    if (result.figures && result.figures->loss_percent)
      loss = fmt::format("{:.4g} %", *result.figures->loss_percent);
    if (result.figures && result.figures->avg_ms) {
      const auto& figures = *result.figures;
      const auto number = [](const std::optional<double>& value) {
        return value ? fmt::format("{:.6g}", *value) : "-";
      };
      rtt = number(figures.min_ms) + "/" + number(figures.avg_ms) + "/" + number(figures.max_ms);
    }
    fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<12} {:>7}  {:>24}{}{}\n", line.id, id_width_, line.router,
               router_width_, line.target, target_width_, to_string(result.state), loss, rtt,
               result.error.empty() ? "" : "  ", config::printable(result.error));
  }

  bool json_;
  std::size_t id_width_ = 4, router_width_ = 6, target_width_ = 6;
};

// 2 (could not be measured) wins over 1 (down) wins over 0.
int worse(int code, LineState state) {
  if (state == LineState::up) return code;
  return std::max(code, state == LineState::down ? exit_line_down : exit_not_done);
}

struct Session {
  const Options& options;
  const config::Settings& settings;
  std::vector<const config::Line*> lines;
  Routers& routers;
  Printer printer;
  std::stop_source stop;
  int exit_code = exit_ok;
};

// What must not show even if the router prints it.
std::vector<config::Secret> secrets_of(const config::Settings& settings, const config::Router& router) {
  std::vector<config::Secret> secrets;
  for (const std::string& name : router.credentials) {
    const config::Credential& credential = settings.credentials.at(name);
    if (credential.password) secrets.push_back(*credential.password);
  }
  return secrets;
}

Awaitable<void> measure_line(Session& session, const config::Line& line) {
  const config::Router& router = *session.settings.router(line.router);
  connection::Trace trace;
  if (session.options.trace) trace = make_trace(router.name, secrets_of(session.settings, router));
  const auto pool = session.routers.pool(router, std::move(trace));
  const connection::Context ctx(connection::TimePoint::max(), session.stop.get_token());
  const auto now = std::chrono::system_clock::now();
  const scheduler::Measurement measurement =
      co_await scheduler::measure(ctx, line, router, *pool, session.routers.resolver(), now);
  session.exit_code = worse(session.exit_code, measurement.result.state);
  session.printer.result(line, router, measurement);
  const LineState state = measurement.result.state;
  // The row says it already where both go to one terminal.
  const bool shown = !session.options.json && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
  if (state != LineState::up && state != LineState::down && !shown) {
    fmt::print(stderr, "linewatch: {}: {}\n", line.id, config::printable(measurement.result.error));
  }
}

Awaitable<void> measure_all(asio::any_io_executor loop, Session& session) {
  session.printer.header();
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
      session.exit_code = exit_not_done;
      loop.stop();
    }
    on_signal(signals, session, loop);
  });
}

}  // namespace

int run_ping(const Options& options) {
  const auto settings = load_or_complain(options);
  if (!settings) return exit_bad_configuration;
  auto lines = chosen_lines(options, *settings);
  if (lines.empty()) return exit_bad_configuration;

  asio::io_context loop(1);
  auto routers = Routers::open(loop.get_executor(), *settings, make_silent_logger(), Routers::Owner::command);
  if (!routers) {
    std::fprintf(stderr, "linewatch: %s\n", routers.error().text.c_str());
    return exit_not_done;
  }

  const Printer printer(lines, options.json);
  Session session{options, *settings, std::move(lines), **routers, printer, {}, exit_ok};
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  on_signal(signals, session, loop);
  asio::co_spawn(loop, measure_all(loop.get_executor(), session), [&](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
    signals.cancel();
  });
  loop.run();
  return session.exit_code;
}

}  // namespace linewatch::agent
