#include "scheduler/task/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/address.hpp"
#include "scheduler/measure.hpp"
#include "scheduler/task/command.hpp"
#include "scheduler/task/traceroute.hpp"
#include "scheduler/task/typing.hpp"

namespace linewatch::scheduler {

using aggregator::TaskResult;
using connection::Awaitable;
using connection::Context;
using connection::ErrorCode;

namespace {

// Of all answers of one run: every pattern is searched in them on the event loop.
constexpr std::size_t command_output = 256UL * 1024;
// The watcher ends a traceroute long before; what came until the prompt is cut.
constexpr std::size_t trace_output = 4 * longest_trace;
constexpr auto trace_end = std::chrono::seconds(10);  // for the prompt to come after the interrupt

TaskResult result_of(const TaskTurn& turn, std::string name) {
  TaskResult result;
  result.task = std::move(name);
  result.router = turn.router.name;
  result.zabbix_host = turn.line ? turn.line->zabbix_host : turn.router.zabbix_host;
  if (turn.line) result.line = turn.line->id;
  result.own_host = turn.line && turn.line->own_host;
  result.clock = turn.due;
  return result;
}

Awaitable<TaskReport> run_ping(Context ctx, TaskTurn turn) {
  TaskReport report;
  if (turn.on) {
    report.line = unmeasured(turn);
    const bool done = co_await ping_on_session(ctx, turn, *report.line);
    report.again = !done;
  } else {
    Measurement measured = co_await measure(ctx, turn);
    report.line = std::move(measured);
  }
  report.held_back = report.line->held_back;
  report.held = report.line->held;
  co_return report;
}

Awaitable<TaskReport> run_command(Context ctx, TaskTurn turn) {
  TaskReport report;
  report.task = result_of(turn, turn.own->name);
  TaskResult& result = *report.task;
  const config::Platform& platform = *turn.router.platform;
  auto commands = task_commands(*turn.own, platform, turn.line);
  if (!commands) {
    result.error = std::move(commands.error());
    co_return report;
  }
  Typing typing;
  typing.commands = std::move(*commands);
  typing.limit = turn.own->timeout;
  typing.output_limit = command_output;
  typing.longest_wait = turn.longest_wait;
  typing.held = &report.held;
  std::string holder = turn.own->name;
  auto typed = co_await type_in_order(ctx, std::move(typing), platform, turn.pool, std::move(holder));
  if (!typed) {
    report.held_back = typed.error().code == ErrorCode::held_back;
    result.error = std::move(typed.error().text);
    co_return report;
  }
  result.clock = typed->at;
  result.error = std::move(typed->rejected);
  if (!result.error.empty()) co_return report;
  std::string answer;
  for (const std::string& each : typed->answers) answer += each + "\n";
  read_task_answer(*turn.own, platform, answer, result);
  co_return report;
}

Awaitable<TaskReport> run_traceroute(Context ctx, TaskTurn turn) {
  TaskReport report;
  report.task = result_of(turn, "traceroute");
  TaskResult& result = *report.task;
  const config::Line& line = *turn.line;
  const config::Platform& platform = *turn.router.platform;
  auto address = co_await target_address(ctx, line, turn.resolver);
  if (!address) {
    result.error = std::move(address.error().text);
    co_return report;
  }
  const bool ipv6 = config::is_ip(*address) ? config::is_ipv6(*address) : line.family == 6;
  auto command = platform.traceroute.command(*address, ipv6, line.source, line.vrf);
  if (!command) {
    result.error = fmt::format("{} {}", platform.name, command.error());
    co_return report;
  }
  TraceWatcher watcher;
  Typing typing;
  typing.commands.push_back(std::move(*command));
  typing.limit = trace_limit + trace_end;
  typing.output_limit = trace_output;
  typing.watcher = &watcher;
  typing.longest_wait = turn.longest_wait;
  typing.held = &report.held;
  std::string holder = "traceroute " + line.id;
  auto typed = co_await type_in_order(ctx, std::move(typing), platform, turn.pool, std::move(holder));
  if (!typed) {
    result.error = std::move(typed.error().text);
    co_return report;
  }
  result.clock = typed->at;
  result.error = std::move(typed->rejected);
  if (result.error.empty())
    result.values.push_back({"trace", "line.trace", trace_text(typed->answers.front(), typed->interrupted)});
  co_return report;
}

constexpr std::string_view any = "";

struct Row {
  std::string_view kind, platform;
  RunTask run;
};

// The registry. A row of one platform goes before the row of all.
constexpr Row rows[] = {
    {"ping", any, run_ping},
    {"command", any, run_command},
    {"traceroute", any, run_traceroute},
};

}  // namespace

RunTask find_task(std::string_view kind, std::string_view platform) {
  RunTask found = nullptr;
  for (const Row& row : rows) {
    if (row.kind != kind) continue;
    if (row.platform == platform) return row.run;
    if (row.platform == any) found = row.run;
  }
  return found;
}

}  // namespace linewatch::scheduler
