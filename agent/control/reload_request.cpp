#include "agent/control/reload_request.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "agent/control/fields.hpp"

namespace linewatch::agent {

using connection::Awaitable;
using connection::Context;

namespace {

// How often a client hears that a long configuration is still read.
constexpr auto sign_of_life = std::chrono::seconds(5);
constexpr std::size_t at_once = 100;  // of changes or problems in one line

template <class Things, class ToText>
Awaitable<bool> send_texts(ControlClientLink& client, const char* key, const Things& things, ToText to_text) {
  bool taken = true;
  for (std::size_t next = 0; taken && next < things.size();) {
    Json texts = Json::array();
    for (; next < things.size() && texts.size() < at_once; ++next) texts.push_back(to_text(things[next]));
    Json some;
    some[key] = std::move(texts);
    taken = co_await client.send(std::move(some));
  }
  co_return taken;
}

std::string change_text(const config::Change& change) {
  return change.text();
}
std::string problem_text(const config::Problem& problem) {
  return problem.format();
}

Awaitable<void> send_outcome(ControlClientLink& client, const Reloader::Outcome& outcome) {
  if (!outcome.errors.empty()) {
    const bool told = co_await send_texts(client, "problems", outcome.errors, problem_text);
    if (!told) co_return;
    Json error = control_error("bad_configuration",
                               "the configuration has errors; the agent goes on with the one it has");
    co_await client.send(std::move(error));
    co_return;
  }
  const bool told = co_await send_texts(client, "changes", outcome.changes, change_text);
  if (!told) co_return;
  Json end;
  end["summary"] = config::summary(outcome.changes);
  end["done"] = true;
  co_await client.send(std::move(end));
}

}  // namespace

Awaitable<void> answer_reload(Reloader& reloader, const std::filesystem::path& file,
                              ControlClientLink& client, const Json& request) {
  const std::string wanted = text_field(request, "file");
  std::error_code unknown;
  if (!wanted.empty() && !std::filesystem::equivalent(file, wanted, unknown)) {
    Json error = control_error(
        "other_file", fmt::format("the running agent's configuration is {}, not {}", file.string(), wanted));
    co_await client.send(std::move(error));
    co_return;
  }
  const Reloader::Ticket ticket = reloader.ask(text_field(request, "command") == "reload");
  bool taken = true;
  while (taken) {
    const Context patience = Context().stopped_by(client.gone()).within(sign_of_life);
    const auto outcome = co_await reloader.outcome(patience, ticket);
    if (outcome) {
      co_await send_outcome(client, *outcome);
      co_return;
    }
    if (patience.stopped()) co_return;
    if (reloader.stopping()) {
      Json error = control_error("stopping", "the agent is about to stop");
      co_await client.send(std::move(error));
      co_return;
    }
    Json waiting;
    waiting["waiting"] = 1;
    taken = co_await client.send(std::move(waiting));
  }
}

}  // namespace linewatch::agent
