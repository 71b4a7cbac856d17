// `linewatch pause` and `linewatch resume`: tell the running agent what not to measure for a while.

#include <fmt/format.h>

#include <cstdio>

#include "agent/commands.hpp"
#include "agent/control/client.hpp"
#include "config/counted.hpp"

namespace linewatch::agent {

namespace {

Json request_for(const Options& options) {
  Json request;
  request["command"] = options.command == CommandName::pause ? "pause" : "resume";
  request["name"] = options.name;
  if (!options.kind.empty()) request["kind"] = options.kind;
  if (options.length) request["length_ms"] = options.length->count();
  return request;
}

// "router r1 (12 lines)", "line L-1"
std::string what(const Json& answer) {
  std::string text = answer.value("kind", "") + " " + answer.value("name", "");
  if (answer.value("kind", "") == "router")
    text += " (" + config::counted(answer.value("lines", 0U), "line") + ")";
  return text;
}

void show(const Json& answer, const Options& options) {
  if (options.command == CommandName::resume) {
    const bool changed = answer.value("was_paused", false);
    fmt::print("{} {}\n", what(answer), changed ? "is measured again" : "was not paused");
    return;
  }
  const Json until = answer.value("paused_until", Json());
  if (until.is_string()) {
    fmt::print("{} is paused until {}\n", what(answer), until.get<std::string>());
  } else {
    fmt::print("{} is paused until it is resumed\n", what(answer));
  }
}

}  // namespace

int run_pause(const Options& options) {
  const auto socket = control_socket_of(options);
  if (!socket) return exit_bad_configuration;
  auto agent = ControlClient::connect(*socket);
  if (!agent) return complain(agent.error().text);
  agent->send(request_for(options));
  const auto answer = agent->next();
  if (!answer) {
    const bool misnamed = agent->refusal() == "unknown_name" || agent->refusal() == "ambiguous_name";
    return complain(answer.error(), misnamed ? exit_bad_configuration : exit_not_done);
  }
  show(*answer, options);
  return exit_ok;
}

}  // namespace linewatch::agent
