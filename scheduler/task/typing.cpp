#include "scheduler/task/typing.hpp"

#include <fmt/format.h>

#include <utility>

#include "scheduler/borrowed.hpp"
#include "scheduler/task/ping_answer.hpp"

namespace linewatch::scheduler {

using connection::Awaitable;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
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
  Borrowed borrowed(pool);
  for (;;) {
    const Context waiting = ctx.within(typing.longest_wait);
    auto got = co_await borrowed.borrow(waiting, holder);
    if (!got) co_return std::unexpected<Error>(std::move(got.error()));
    connection::Session& session = borrowed.session();
    const Context limited = ctx.within(typing.limit);
    auto typed = co_await type_on(limited, typing, platform, session);
    const bool again = !typed && borrowed.another_may_do(typed.error());
    borrowed.give_back();
    if (typing.held) *typing.held = borrowed.held();
    if (typed) co_return typed;
    if (again) continue;
    Error& error = typed.error();
    if (error.code == ErrorCode::deadline) {
      error.text = fmt::format("not done within {}: {}", config::format_duration(typing.limit), error.text);
    }
    co_return std::unexpected<Error>(std::move(error));
  }
}

}  // namespace linewatch::scheduler
