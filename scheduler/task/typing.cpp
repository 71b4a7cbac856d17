#include "scheduler/task/typing.hpp"

#include <fmt/format.h>

#include <utility>

#include "scheduler/task/ping_answer.hpp"

namespace linewatch::scheduler {

using connection::Awaitable;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
using connection::Phase;
using connection::Result;

namespace {

Awaitable<Result<Typed>> type_on(Context ctx, const Typing& typing, const config::Platform& platform,
                                 connection::Session& session) {
  Typed typed;
  std::size_t room = typing.output_limit;
  for (const std::string& text : typing.commands) {
    connection::Command command;
    command.text = text;
    command.output_limit = room;
    command.watcher = typing.watcher;
    auto output = co_await session.run(ctx, std::move(command));
    if (!output) co_return std::unexpected<Error>(std::move(output.error()));
    if (typed.answers.empty()) typed.at = output->typed;
    typed.interrupted = typed.interrupted || output->interrupted;
    room -= std::min(room, output->text.size());
    if (auto line = first_line(platform.cli.rejections, output->text)) {
      typed.rejected = fmt::format("the router did not take '{}': {}", text, *line);
    }
    typed.answers.push_back(std::move(output->text));
    if (!typed.rejected.empty()) break;
  }
  co_return typed;
}

}  // namespace

Awaitable<Result<Typed>> type_in_order(Context ctx, Typing typing, const config::Platform& platform,
                                       connection::Pool& pool, std::string holder) {
  for (int attempt = 1;; ++attempt) {
    const Context waiting = ctx.within(typing.longest_wait);
    auto lease = co_await pool.acquire(waiting, holder);
    if (!lease) co_return std::unexpected<Error>(std::move(lease.error()));
    const auto borrowed = connection::Clock::now();
    const bool reused = !lease->fresh();
    connection::Session& session = lease->session();
    const Context limited = ctx.within(typing.limit);
    auto typed = co_await type_on(limited, typing, platform, session);
    lease->give_back();
    if (typing.held) *typing.held += connection::Clock::now() - borrowed;
    if (typed) co_return typed;
    Error& error = typed.error();
    // Found closed before anything was typed; a router that closes in mid-command is asked no second time.
    const bool stale_session = error.code == ErrorCode::closed && error.phase == Phase::write && reused;
    if (stale_session && attempt <= pool.core().policy().max_connections) continue;
    if (error.code == ErrorCode::deadline) {
      error.text = fmt::format("not done within {}: {}", config::format_duration(typing.limit), error.text);
    }
    co_return std::unexpected<Error>(std::move(error));
  }
}

}  // namespace linewatch::scheduler
