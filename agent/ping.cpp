// `linewatch ping`: measures now, once, and prints each result as it arrives. Through the sessions of the
// running agent where there is one, else through its own.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <string_view>

#include "agent/commands.hpp"
#include "agent/control/client.hpp"
#include "agent/ping_alone.hpp"
#include "agent/ping_report.hpp"
#include "agent/suggest.hpp"

namespace linewatch::agent {

namespace {

// The lines asked for, in the order of the configuration or of the command line; empty with a word on
// standard error if one of them is unknown.
std::vector<const config::Line*> chosen_lines(const Options& options, const config::Settings& settings) {
  std::vector<const config::Line*> lines;
  if (options.all) {
    for (const config::Line& line : settings.lines) {
      if (line.enabled && line.pinged() && settings.router(line.router)->measured()) lines.push_back(&line);
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

Json request_for(const Options& options) {
  Json request;
  request["command"] = "ping";
  if (options.all) {
    request["all"] = true;
  } else {
    request["lines"] = options.names;
  }
  return request;
}

// To go away is what cancels the pings in the agent; every row that was printed is out already.
void leave_on_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) {
    constexpr std::string_view text = "linewatch: interrupted; the agent cancels what still runs\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(exit_not_done);
  };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void ping_through(ControlClient& agent, const Options& options, PingReport& report) {
  leave_on_signals();
  const auto give_up = [&](const std::string& why, const char* advice) {
    std::fprintf(stderr, "linewatch: %s%s\n", why.c_str(), advice);
    report.not_done();
  };
  constexpr const char* alone = " (--alone logs in without it)";
  agent.send(request_for(options));
  bool begun = false;
  for (;;) {
    const auto line = agent.next();
    if (!line) return give_up(line.error(), begun ? "" : alone);
    if (!begun) report.header();
    begun = true;
    if (line->contains("result")) report.result(line->at("result"));
    if (line->contains("done")) return;
  }
}

}  // namespace

int run_ping(const Options& options) {
  const auto settings = load_or_complain(options);
  if (!settings) return exit_bad_configuration;
  const auto lines = chosen_lines(options, *settings);
  if (lines.empty()) return exit_bad_configuration;

  PingReport report(lines, options.json);
  // What the agent's sessions say cannot be traced from here.
  if (!options.alone && !options.trace) {
    auto agent = ControlClient::connect(settings->agent.control_socket);
    if (agent) {
      ping_through(*agent, options, report);
      return report.exit_code();
    }
    if (!agent.error().nobody)
      std::fprintf(stderr, "linewatch: %s; logging in apart from it\n", agent.error().text.c_str());
  }
  ping_alone(settings, lines, options.trace, report);
  return report.exit_code();
}

}  // namespace linewatch::agent
