#include "scheduler/measure.hpp"

#include <fmt/format.h>

#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "config/address.hpp"
#include "connection/bell.hpp"
#include "scheduler/task/ping.hpp"

namespace linewatch::scheduler {

using aggregator::LineState;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
using connection::Phase;
using connection::Result;

LineState state_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::cancelled:
    case ErrorCode::shutting_down:
    case ErrorCode::too_many_waiters:
    case ErrorCode::acquire_timeout:
    case ErrorCode::held_back:
    case ErrorCode::internal:
      return LineState::agent_error;
    case ErrorCode::output_limit:  // of the ping itself, or of a router that cannot even be set up
      return error.phase == Phase::read ? LineState::line_error : LineState::router_error;
    default:
      return LineState::router_error;
  }
}

namespace {

constexpr auto resolve_limit = std::chrono::seconds(10);  // where the agent resolves a target's name

// The line's name that cannot be resolved is the line's error; a stop or an overload while resolving is not.
LineState state_of_resolving(const Error& error) {
  const bool of_the_name = error.code == ErrorCode::resolve || error.code == ErrorCode::deadline;
  return of_the_name ? LineState::line_error : state_of(error);
}

void fail_with(Measurement& measurement, LineState state, std::string why) {
  measurement.result.state = state;
  measurement.result.error = std::move(why);
}

}  // namespace

void fail_with(Measurement& measurement, const Error& error) {
  const bool typing = error.phase == Phase::read || error.phase == Phase::write;
  measurement.held_back = error.code == ErrorCode::held_back;
  measurement.result.timed_out =
      error.code == ErrorCode::acquire_timeout || (error.code == ErrorCode::deadline && typing);
  fail_with(measurement, state_of(error), error.text);
}

Awaitable<Result<std::string>> target_address(Context ctx, const config::Line& line,
                                              connection::Resolver& resolver) {
  if (line.resolve == config::Resolve::router || config::is_ip(line.target)) co_return line.target;
  const Context limited = ctx.within(resolve_limit);
  auto addresses = co_await resolver.resolve(limited, line.target, line.family);
  if (!addresses) co_return std::unexpected(std::move(addresses.error()));
  co_return addresses->front().to_string();
}

namespace {

struct Typed {
  aggregator::PingFigures figures;
  std::chrono::system_clock::time_point at;
};

// Types what comes before the ping. A line that the router rejects is the answer: without it the ping would
// be another one.
Awaitable<Result<std::optional<std::string>>> prepare(Context ctx, const config::Platform& platform,
                                                      connection::Session& session,
                                                      const std::vector<std::string>& lines) {
  std::optional<std::string> rejection;
  for (std::size_t index = 0; index + 1 < lines.size() && !rejection; ++index) {
    connection::Command command;
    command.text = lines[index];
    auto output = co_await session.run(ctx, std::move(command));
    if (!output) co_return std::unexpected<Error>(std::move(output.error()));
    if (const auto said = rejected(platform, output->text)) rejection = lines[index] + ": " + *said;
  }
  co_return rejection;
}

// One command that is a ping of so many probes; the agent ends it where the platform's never ends.
Awaitable<Result<Typed>> type_probes(Context ctx, const config::Line& line, const config::Platform& platform,
                                     connection::Session& session, std::string text, int count) {
  std::optional<ImposedPing> imposed;
  connection::Command command;
  command.text = std::move(text);
  if (platform.ping.endless) {
    imposed.emplace(platform, count, line.timeout);
    command.watcher = &*imposed;
  }
  auto output = co_await session.run(ctx, std::move(command));
  if (!output) co_return std::unexpected<Error>(std::move(output.error()));
  Typed typed;
  typed.at = output->typed;
  typed.figures = imposed ? imposed->read(*output) : parse_ping(platform, output->text);
  if (!imposed && !line.says_timeout(platform)) impose_timeout(typed.figures, line.timeout);
  co_return typed;
}

// What a turn types: the last line is the ping, `warm_up` (empty: none) one that is typed before it and not
// counted, so that an ARP entry or a tunnel that was asleep costs no probe.
struct PingLines {
  std::vector<std::string> lines;
  std::string warm_up;
};

std::expected<PingLines, std::string> ping_lines(const config::Line& line, const config::Platform& platform,
                                                 const std::string& address, bool privileged) {
  auto lines = render_ping(line, platform, address, privileged);
  if (!lines) return std::unexpected(std::move(lines.error()));
  PingLines all{std::move(*lines), {}};
  if (line.warmup == 0) return all;
  config::Line before = line;
  before.count = line.warmup;
  auto warm_up = render_ping(before, platform, address, privileged);
  if (!warm_up) return std::unexpected(std::move(warm_up.error()));
  all.warm_up = std::move(warm_up->back());
  return all;
}

// Types the ping on a borrowed session. `at` is set as soon as typing begins.
Awaitable<Result<Typed>> type_ping(Context ctx, const config::Line& line, const config::Router& router,
                                   connection::Session& session, PingLines all) {
  const config::Platform& platform = *router.platform;
  const config::Duration limit = line.run_limit(platform);
  const Context limited = ctx.within(limit);
  Result<Typed> typed;
  typed->at = std::chrono::system_clock::now();
  auto rejection = co_await prepare(limited, platform, session, all.lines);
  if (!rejection) co_return std::unexpected<Error>(std::move(rejection.error()));
  if (*rejection) {
    typed->figures.error = std::move(**rejection);
    typed->figures.refused = true;
    co_return typed;
  }
  if (!all.warm_up.empty()) {
    typed = co_await type_probes(limited, line, platform, session, std::move(all.warm_up), line.warmup);
  }
  if (typed) {
    typed = co_await type_probes(limited, line, platform, session, std::move(all.lines.back()), line.count);
  }
  if (!typed && typed.error().code == ErrorCode::deadline) {
    typed.error().text = fmt::format("{}: the ping did not end within {}: {}", router.name,
                                     config::format_duration(limit), typed.error().text);
  }
  co_return typed;
}

}  // namespace

Measurement unmeasured(const TaskTurn& turn) {
  Measurement measurement;
  aggregator::LineResult& result = measurement.result;
  result.line = turn.line->id;
  result.router = turn.router.name;
  result.zabbix_host = turn.line->zabbix_host;
  result.own_host = turn.line->own_host;
  result.clock = turn.due;
  return measurement;
}

bool can_be_typed(const TaskTurn& turn, const Result<std::string>& address, Measurement& measurement) {
  if (!address) {
    fail_with(measurement, state_of_resolving(address.error()), address.error().text);
    return false;
  }
  const auto lines = ping_lines(*turn.line, *turn.router.platform, *address, true);
  if (!lines) fail_with(measurement, LineState::line_error, lines.error());
  return lines.has_value();
}

Awaitable<bool> ping_on_session(Context ctx, TaskTurn turn, Measurement& measurement) {
  aggregator::LineResult& result = measurement.result;
  connection::Session& session = turn.on->session();
  const config::Line& line = *turn.line;
  const auto lines = ping_lines(line, *turn.router.platform, turn.address, session.privileged());
  if (!lines) {
    fail_with(measurement, LineState::line_error, lines.error());
    co_return true;
  }
  const auto began = Clock::now();
  const auto clock_before = std::exchange(result.clock, std::chrono::system_clock::now());
  measurement.reused = turn.on->reused();
  measurement.command = lines->lines.back();
  PingLines to_type = *lines;
  auto typed = co_await type_ping(ctx, line, turn.router, session, std::move(to_type));
  if (turn.confirmations > 0 && typed && aggregator::state_of(typed->figures) == LineState::down) {
    to_type = *lines;
    auto again = co_await type_ping(ctx, line, turn.router, session, std::move(to_type));
    if (again) typed = std::move(again);  // else the first is the last answer there is
  }
  measurement.held += Clock::now() - began;
  if (!typed) {
    const bool again = turn.on->another_may_do(typed.error());
    if (again) {
      result.clock = clock_before;
    } else {
      fail_with(measurement, typed.error());
    }
    co_return !again;
  }
  turn.on->worked();
  result.clock = typed->at;
  result.state = aggregator::state_of(typed->figures);
  if (result.state != LineState::up) result.error = typed->figures.error;
  if (result.state == LineState::down && result.error.empty()) result.error = "no reply: all probes lost";
  result.figures = std::move(typed->figures);
  co_return true;
}

namespace {

Awaitable<void> resolve_and_ping(Context ctx, TaskTurn turn, Measurement& measurement) {
  auto address = co_await target_address(ctx, *turn.line, turn.resolver);
  if (!can_be_typed(turn, address, measurement)) co_return;
  Borrowed borrowed(turn.pool);
  turn.on = &borrowed;
  turn.address = std::move(*address);
  for (bool done = false; !done;) {
    const Context waiting = ctx.within(turn.longest_wait);
    std::string holder = turn.line->id;
    auto got = co_await borrowed.borrow(waiting, std::move(holder));
    if (!got) co_return fail_with(measurement, got.error());
    done = co_await ping_on_session(ctx, turn, measurement);
    borrowed.give_back();
  }
}

}  // namespace

bool to_be_confirmed_later(const TaskTurn& turn, const Measurement& measurement) {
  return turn.confirmations > 1 && measurement.result.state == LineState::down;
}

Awaitable<void> confirm_later(Context ctx, TaskTurn turn, Measurement& measurement) {
  const int confirmations = std::exchange(turn.confirmations, 0);
  for (int more = 1; more < confirmations && measurement.result.state == LineState::down; ++more) {
    const auto when = Clock::now() + turn.line->confirm.after;
    const bool slept = co_await connection::sleep_until(ctx, when);
    if (!slept) break;
    Measurement again = measurement;
    again.result.figures.reset();
    again.result.error.clear();
    co_await resolve_and_ping(ctx, turn, again);
    measurement.held = again.held;
    if (!again.result.figures) break;  // nobody answered: what was measured last stands
    measurement = std::move(again);
  }
}

void end_of_confirmation(const Context& ctx, const TaskTurn& turn, Measurement& measurement) {
  if (turn.confirmations == 0 || measurement.result.state != LineState::down || !ctx.stopped()) return;
  measurement.result.figures.reset();
  fail_with(measurement, LineState::agent_error, "stopped before the line could be measured once more");
}

Awaitable<Measurement> measure(Context ctx, TaskTurn turn) {
  Measurement measurement = unmeasured(turn);
  const auto began = Clock::now();
  co_await resolve_and_ping(ctx, turn, measurement);
  co_await confirm_later(ctx, turn, measurement);
  end_of_confirmation(ctx, turn, measurement);
  measurement.result.check_time = Clock::now() - began;
  co_return measurement;
}

}  // namespace linewatch::scheduler
