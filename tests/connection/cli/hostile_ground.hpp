#pragma once
// A session through SSH on a simulated router with one oddity, and what the same router without it says.

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "config/loader.hpp"
#include "tests/connection/ssh/lab.hpp"
#include "tests/support/simulator_thread.hpp"

namespace linewatch::connection::test {

// The same things said in the words of one platform.
struct Tongue {
  std::string platform;
  std::string ping, heading, figures;  // a ping, the first words of its answer, and what they end in
  std::string clock, version;          // a short answer and one of many pages
  std::string other_prompt;            // a line like a prompt, not this router's
};

inline const Tongue ios = {"cisco_iosxe",
                           "ping 198.51.100.2 repeat 5 timeout 2",
                           "Type escape sequence",
                           "100 percent (5/5)",
                           "show clock",
                           "show version",
                           "old-name#"};
inline const Tongue vrp = {"huawei_vrp",    "ping -c 2 -m 20 198.51.100.2",
                           "  PING 198.51", "    2 packet(s) received\n",
                           "display clock", "display version",
                           "<old-name>"};
inline const Tongue comware = {"h3c_comware",   "ping -c 2 -m 20 198.51.100.2",
                               "Ping 198.51",   "2 packet(s) received",
                               "display clock", "display version",
                               "<old-name>"};
inline const Tongue unix_shell = {"linux",
                                  "ping -c 2 -i 0.02 198.51.100.2",
                                  "PING 198.51",
                                  "2 received",
                                  "hostname",
                                  "dmesg",
                                  "root@old-name:~# "};

inline sim::RouterConfig router_that_speaks(const Tongue& tongue) {
  sim::RouterConfig router;
  router.name = "r1";
  router.platform = *sim::platform_kind(tongue.platform);
  router.password = "secret";
  router.targets["198.51.100.2"].delay = std::chrono::milliseconds(2);
  router.targets["203.0.113.9"].pattern = ".";  // never answers
  return router;
}

class Ground {
 public:
  explicit Ground(
      const Tongue& spoken, sim::Quirks quirks = {},
      const std::function<void(sim::RouterConfig&)>& change = [](sim::RouterConfig&) {})
      : tongue(spoken),
        routers_({with(router_that_speaks(spoken), std::move(quirks), change)}),
        lab(routers_.simulator.routers().at(0).port) {
    CAPTURE(tongue.platform);
    lab.access.platform = config::builtin_platforms().find(tongue.platform);
    lab.with_password("netmon", "secret");
    lab.trace = [this](TraceDirection direction, std::string_view octets) {
      if (direction == TraceDirection::sent) sent += octets;
      if (on_trace) on_trace();
    };
    auto made = lab.login();
    REQUIRE_MESSAGE(made.has_value(), made.error().text);
    session = std::move(*made);
  }

  Result<CommandOutput> run(std::string text, Clock::duration limit = std::chrono::seconds(30)) {
    return lab.command(*session, std::move(text), limit);
  }
  Result<void> recover(Clock::duration limit = std::chrono::seconds(30)) {
    return run_on(lab.loop, session->recover(Context().within(limit)));
  }
  // The answer, as it came.
  std::string answer(const std::string& text) {
    auto output = run(text);
    REQUIRE_MESSAGE(output.has_value(), output.error().text);
    CHECK_FALSE(session->dirty());
    return std::move(output->text);
  }
  sim::RouterCounts counts() { return routers_.counts("r1"); }

  const Tongue tongue;

 private:
  static sim::RouterConfig with(sim::RouterConfig router, sim::Quirks quirks,
                                const std::function<void(sim::RouterConfig&)>& change) {
    router.quirks = std::move(quirks);
    change(router);
    return router;
  }
  linewatch::test::SimulatorThread routers_;

 public:
  Lab lab;
  std::string sent;  // all that was typed, secrets masked
  std::function<void()> on_trace;
  std::unique_ptr<Session> session;
};

// What a router without oddities answers.
inline const std::string& plain_answer(const Tongue& tongue, const std::string& command) {
  static std::map<std::string, std::string> known;
  std::string& answer = known[tongue.platform + ' ' + command];
  if (answer.empty()) answer = Ground(tongue).answer(command);
  return answer;
}

// Two pings, since what the first left behind would be seen in the second: each answered as by a router
// without oddities.
inline void check_pings(Ground& ground) {
  CAPTURE(ground.tongue.platform);
  const std::string& expected = plain_answer(ground.tongue, ground.tongue.ping);
  REQUIRE(expected.starts_with(ground.tongue.heading));
  REQUIRE(expected.contains(ground.tongue.figures));
  for (int i = 0; i < 2; ++i) CHECK(ground.answer(ground.tongue.ping) == expected);
  CHECK(ground.counts().pings == 2);
}

}  // namespace linewatch::connection::test
