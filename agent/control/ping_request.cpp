#include "agent/control/ping_request.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <exception>
#include <expected>
#include <map>
#include <set>
#include <utility>

#include "agent/control/fields.hpp"
#include "agent/ping_report.hpp"
#include "agent/suggest.hpp"
#include "scheduler/measure.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Context;
using connection::TimePoint;

namespace {

using Lines = std::vector<const config::Line*>;
using LinesByRouter = std::map<std::string, Lines>;

// How often a client that waits for slow pings hears that they still run.
constexpr auto sign_of_life = std::chrono::seconds(5);

std::expected<LinesByRouter, Json> wanted_lines(const config::Settings& settings, const Json& request) {
  LinesByRouter wanted;
  if (flag_field(request, "all")) {
    for (const config::Line& line : settings.lines)
      if (line.enabled && line.pinged() && settings.router(line.router)->measured())
        wanted[line.router].push_back(&line);
    return wanted;
  }
  std::set<std::string> seen;
  for (const std::string& id : texts_field(request, "lines")) {
    const config::Line* line = settings.line(id);
    if (!line) {
      std::vector<std::string> known;
      known.reserve(settings.lines.size());
      for (const config::Line& each : settings.lines) known.push_back(each.id);
      return std::unexpected(
          control_error("unknown_name",
                        fmt::format("the running agent knows no line '{}'{}", id, did_you_mean(id, known))));
    }
    if (seen.insert(id).second) wanted[line->router].push_back(line);
  }
  if (wanted.empty()) return std::unexpected(control_error("bad_request", "no line was named"));
  return wanted;
}

// What the pings hand to whoever sends the answer.
struct Results {
  explicit Results(const asio::any_io_executor& loop) : changed(loop) {}
  std::deque<Json> ready;
  std::size_t lines_left = 0;
  std::size_t routers_left = 0;
  asio::steady_timer changed;  // cancelled when something came or ended
};

// `settings` keep the router and the lines.
Awaitable<void> measure_on_router(std::shared_ptr<Results> results,
                                  std::shared_ptr<const config::Settings> settings, std::string name,
                                  std::shared_ptr<connection::Pool> pool, connection::Resolver& resolver,
                                  Lines lines, std::stop_token stop) {
  const config::Router& router = *settings->router(name);
  const Context ctx(TimePoint::max(), stop);
  for (const config::Line* line : lines) {
    if (ctx.stopped()) break;
    const auto now = std::chrono::system_clock::now();
    const scheduler::TaskTurn turn{router, line, nullptr, *pool, resolver, now};
    const scheduler::Measurement measurement = co_await scheduler::measure(ctx, turn);
    --results->lines_left;
    results->ready.push_back(ping_json(*line, router, measurement));
    results->changed.cancel();
  }
}

// One line of the answer: a result, or how many are still to come.
Json next_line(Results& results) {
  Json json;
  if (results.ready.empty()) {
    json["waiting"] = results.lines_left;
  } else {
    json["result"] = std::move(results.ready.front());
    results.ready.pop_front();
  }
  return json;
}

}  // namespace

Awaitable<void> answer_ping(asio::any_io_executor loop, std::shared_ptr<const config::Settings> settings,
                            Routers& routers, ControlClientLink& client, const Json& request) {
  auto wanted = wanted_lines(*settings, request);
  if (!wanted) {
    co_await client.send(std::move(wanted.error()));
    co_return;
  }
  auto results = std::make_shared<Results>(loop);
  // Before anything is waited for: a reload may take a router away meanwhile, and its pool then says so.
  std::map<std::string, std::shared_ptr<connection::Pool>> pools;
  for (const auto& [router, lines] : *wanted) pools[router] = routers.pool(*settings->router(router));
  for (const auto& [router, lines] : *wanted) {
    results->lines_left += lines.size();
    ++results->routers_left;
  }
  Json accepted = next_line(*results);
  bool taken = co_await client.send(std::move(accepted));
  for (auto& [router, lines] : *wanted) {
    asio::co_spawn(loop,
                   measure_on_router(results, settings, router, pools[router], routers.resolver(),
                                     std::move(lines), client.gone()),
                   [results](std::exception_ptr bug) {
                     if (bug) std::rethrow_exception(bug);
                     --results->routers_left;
                     results->changed.cancel();
                   });
  }
  while (results->routers_left > 0 || (taken && !results->ready.empty())) {
    if (results->ready.empty() || !taken) {
      boost::system::error_code woken;
      results->changed.expires_after(sign_of_life);
      co_await results->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      // Woken by an end alone, there is nothing to say.
      if (!taken || (woken && results->ready.empty())) continue;
    }
    Json line = next_line(*results);
    taken = co_await client.send(std::move(line));
  }
  if (!taken) co_return;
  Json done;
  done["done"] = true;
  co_await client.send(std::move(done));
}

}  // namespace linewatch::agent
