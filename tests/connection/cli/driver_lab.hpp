#pragma once
// A driver on a scripted channel, its router and the loop.

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "connection/cli/driver.hpp"
#include "tests/connection/cli/scripted_channel.hpp"

namespace linewatch::connection::test {

inline const std::string ping_answer =
    "Type escape sequence to abort.\r\n"
    "Sending 5, 100-byte ICMP Echos to 192.0.2.9, timeout is 2 seconds:\r\n"
    "!!!!!\r\n"
    "Success rate is 100 percent (5/5), round-trip min/avg/max = 1/2/4 ms\r\n";

inline std::string plain(std::string text) {
  std::erase(text, '\r');
  return text;
}

inline std::shared_ptr<config::Platform> cisco() {
  auto platform = std::make_shared<config::Platform>();
  config::CliProfile& cli = platform->cli;
  platform->name = "cisco";
  cli.prompt = config::Pattern(R"(^[\w.\-@/:]{1,63}(\([\w.\-]{0,32}\))?[>#]\s*$)");
  cli.setup = {"terminal length 0"};
  cli.pagers.push_back({config::Pattern("--More--"), " "});
  cli.questions.push_back({config::Pattern(R"(Change now\? \[Y/N\]:)"), "N\n"});
  cli.rejections = {config::Pattern("^% Invalid input")};
  cli.session_limits = {config::Pattern("(?i)no free line|session limit reached")};
  cli.logout = {"exit"};
  return platform;
}

// Short silences, so that the odd cases are quick.
struct DriverLab {
  explicit DriverLab(std::string prompt = "bj-edge-1#") : router(channel, std::move(prompt)) {
    settings.label = "bj-edge-1 (192.0.2.1:22)";
    settings.platform = platform;
    settings.read_timeout = std::chrono::seconds(5);
    settings.patience = {.settle = std::chrono::milliseconds(40),
                         .knock = std::chrono::milliseconds(80),
                         .suspect = std::chrono::milliseconds(60),
                         .no_echo = std::chrono::milliseconds(40),
                         .late_echo = std::chrono::milliseconds(400),
                         .interrupt = std::chrono::milliseconds(100)};
    settings.trace = [this](TraceDirection direction, std::string_view text) {
      if (direction == TraceDirection::sent) sent += text;
      if (direction == TraceDirection::received) received += text;
      if (direction == TraceDirection::note) notes += std::string(text) + '\n';
    };
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(log_text);
    settings.log = std::make_shared<spdlog::logger>("test", sink);
  }

  Driver& driver() {
    if (!made) made = std::make_unique<Driver>(channel, settings);
    return *made;
  }
  Result<void> login(Clock::duration limit = std::chrono::seconds(10)) {
    return run_on(loop, driver().login(Context().within(limit)));
  }
  Result<CommandOutput> command(Command what, Context ctx = Context().within(std::chrono::seconds(10))) {
    return run_on(loop, driver().run(std::move(ctx), std::move(what)));
  }
  Result<CommandOutput> command(std::string text) {
    Command what;
    what.text = std::move(text);
    return command(std::move(what));
  }

  boost::asio::io_context loop;
  ScriptedChannel channel{loop};
  ScriptedRouter router;
  std::shared_ptr<config::Platform> platform = cisco();
  DriverSettings settings;
  std::string sent, received, notes;  // as traced
  std::ostringstream log_text;
  std::unique_ptr<Driver> made;
};

inline void check_ping(DriverLab& bench) {
  bench.router.answers["ping 192.0.2.9"] = ping_answer;
  const auto output = bench.command("ping 192.0.2.9");
  REQUIRE_MESSAGE(output.has_value(), output.error().text);
  CHECK(output->text == plain(ping_answer));
  CHECK_FALSE(bench.driver().dirty());
}

}  // namespace linewatch::connection::test
