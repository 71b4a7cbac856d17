// `linewatch status`: asks the running agent, and shows what it says.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "agent/commands.hpp"
#include "agent/control/client.hpp"
#include "agent/status_table.hpp"

namespace linewatch::agent {

namespace {

constexpr auto watch_interval = std::chrono::seconds(2);

// The pieces of the answer in one object: lists grow, the rest is taken over.
void merge(Json& whole, const Json& piece) {
  for (const auto& [key, value] : piece.items()) {
    if (value.is_array() && whole.contains(key)) {
      for (const Json& item : value) whole[key].push_back(item);
    } else {
      whole[key] = value;
    }
  }
}

void show(const Json& status, const Options& options) {
  if (options.json) {
    fmt::print("{}\n", status.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    if (options.watch && isatty(STDOUT_FILENO)) fmt::print("\x1b[H\x1b[2J");
    fmt::print("{}", status_table(status, !options.router.empty()));
  }
  std::fflush(stdout);
}

int status_once(const std::filesystem::path& socket, const Options& options) {
  auto agent = ControlClient::connect(socket);
  if (!agent) return complain(agent.error().text);
  Json request;
  request["command"] = "status";
  if (!options.router.empty()) request["router"] = options.router;
  agent->send(request);
  Json status;
  status["agent"] = nullptr;
  status["destinations"] = Json::array();
  status["routers"] = Json::array();
  for (;;) {
    const auto line = agent->next();
    if (!line) {
      return complain(line.error(),
                      agent->refusal() == "unknown_name" ? exit_bad_configuration : exit_not_done);
    }
    if (line->contains("done")) break;
    merge(status, *line);
  }
  show(status, options);
  return exit_ok;
}

}  // namespace

int run_status(const Options& options) {
  const auto socket = control_socket_of(options);
  if (!socket) return exit_bad_configuration;
  for (;;) {
    const int code = status_once(*socket, options);
    if (code != exit_ok || !options.watch || std::ferror(stdout)) return code;
    std::this_thread::sleep_for(watch_interval);
  }
}

}  // namespace linewatch::agent
