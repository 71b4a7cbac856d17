#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sim/router/shell.hpp"

using namespace linewatch::sim;
using namespace std::chrono_literals;

namespace {

class Recorder : public ShellObserver {
 public:
  void on_command(const std::string& line) override { commands.push_back(line); }
  void on_ping(const PingCounts& counts, bool interrupted) override {
    pings.push_back(counts);
    interruptions += interrupted ? 1 : 0;
  }
  std::vector<std::string> commands;
  std::vector<PingCounts> pings;
  int interruptions = 0;
};

// A shell on a virtual clock.
struct Bench {
  explicit Bench(RouterConfig c, Terminal terminal = {true, "dumb"})
      : config(std::move(c)), network(config), shell(config, network, terminal, config.faults, recorder) {
    shell.login(now);
  }
  std::string type(std::string_view text) {
    shell.feed(text, now);
    return shell.take_output();
  }
  std::string pass(Micros time) {
    const auto end = now + time;
    while (const auto due = shell.wakeup()) {
      if (*due > end) break;
      now = std::max(now, *due);
      shell.advance(now);
    }
    now = end;
    shell.advance(now);
    return shell.take_output();
  }

  RouterConfig config;
  Network network;
  Recorder recorder;
  Shell::TimePoint now{};
  Shell shell;
};

RouterConfig router(PlatformKind platform) {
  RouterConfig config;
  config.name = "r1";
  config.platform = platform;
  return config;
}

}  // namespace

TEST_CASE("shell echoes what is typed and shows the prompt again") {
  Bench bench(router(PlatformKind::cisco_iosxe));
  CHECK(bench.shell.take_output() == "r1#");
  CHECK(bench.type("show cl") == "show cl");
  CHECK(bench.type("\x08\x7f") == "\b \b\b \b");
  CHECK(bench.type("clock\r\n") == "clock\r\n*12:00:00.000 UTC Mon Jan 1 2024\r\nr1#");
  CHECK(bench.recorder.commands == std::vector<std::string>{"show clock"});
  CHECK(bench.type("\r") == "\r\nr1#");
  CHECK(bench.type("\n") == "");  // the second half of CR LF
  CHECK(bench.type("\n") == "\r\nr1#");
  CHECK(bench.type("abc\x03") == "abc\r\nr1#");
  CHECK(bench
            .type("abc\x15"
                  "\x1b[A"
                  "\r")
            .ends_with("\r\nr1#"));
  CHECK(bench.recorder.commands.size() == 1);
}

TEST_CASE("shell pages long texts until paging is switched off") {
  Bench bench(router(PlatformKind::cisco_iosxe));
  bench.shell.take_output();
  std::string page = bench.type("show version\r");
  CHECK(std::ranges::count(page, '\n') == 24);  // the echo and 23 lines
  CHECK(page.ends_with(" --More-- "));
  CHECK(std::ranges::count(bench.type("\r"), '\n') == 1);
  CHECK(bench.type("x").empty());
  page = bench.type(" ");
  CHECK(page.starts_with("\b\b\b\b\b\b\b\b\b         "));
  CHECK(page.ends_with(" --More-- "));
  CHECK(bench.type("q").ends_with("r1#"));
  CHECK(bench.type("terminal length 0\r") == "terminal length 0\r\nr1#");
  CHECK(bench.type("show version\r").find("More") == std::string::npos);
}

TEST_CASE("shell wipes the pager as the platform does and sets what it asks") {
  Bench vrp(router(PlatformKind::huawei_vrp));
  CHECK(vrp.shell.take_output() == "<r1>");
  CHECK(vrp.type("display version\r").ends_with("  ---- More ----"));
  CHECK(vrp.type("q").starts_with("\x1b[42D"));
  CHECK(vrp.type("screen-width 255\r").ends_with("Continue? [Y/N]:"));
  CHECK(vrp.type("y\r").ends_with("Info: The configuration succeeded.\r\n<r1>"));
  CHECK(vrp.type("system-view\r").ends_with("[r1]"));
  CHECK(vrp.type("quit\r").ends_with("<r1>"));
  CHECK(vrp.type("screen-length 0 temporary\r").ends_with("<r1>"));
  CHECK(vrp.type("display version\r").find("More") == std::string::npos);
  Bench comware(router(PlatformKind::h3c_comware));
  comware.shell.take_output();
  CHECK(comware.type("display version\r").ends_with("---- More ----"));
  CHECK(comware.type("q").starts_with("\x1b[16D"));
  CHECK(comware.type("screen-length disable\r").ends_with("<r1>"));
  CHECK(comware.type("display version\r").find("More") == std::string::npos);
}

TEST_CASE("shell points at the wrong word with a caret") {
  Bench ios(router(PlatformKind::cisco_iosxe));
  ios.shell.take_output();
  CHECK(ios.type("ping 1.1.1.1 foo\r") ==
        "ping 1.1.1.1 foo\r\n                ^\r\n% Invalid input detected at '^' marker.\r\n\r\nr1#");
  CHECK(ios.type("ping\r") == "ping\r\n% Incomplete command.\r\n\r\nr1#");
  Bench vrp(router(PlatformKind::huawei_vrp));
  vrp.shell.take_output();
  CHECK(vrp.type("foo\r") == "foo\r\n    ^\r\nError: Unrecognized command found at '^' position.\r\n<r1>");
  Bench comware(router(PlatformKind::h3c_comware));
  comware.shell.take_output();
  CHECK(comware.type("foo\r") == "foo\r\n    ^\r\n % Unrecognized command found at '^' position.\r\n<r1>");
}

TEST_CASE("shell plays a ping in time and takes keys typed meanwhile afterwards") {
  RouterConfig config = router(PlatformKind::cisco_iosxe);
  config.targets["198.51.100.2"].delay = 10ms;
  config.targets["198.51.100.2"].pattern = "!.";
  Bench bench(config);
  bench.shell.take_output();
  CHECK(bench.type("ping 198.51.100.2 repeat 3 timeout 1\r").ends_with("timeout is 1 seconds:\r\n"));
  CHECK(bench.pass(9ms) == "");
  CHECK(bench.pass(1ms) == "!");
  CHECK(bench.type("show clock\r") == "");
  CHECK(bench.pass(999ms) == "");
  CHECK(bench.pass(1ms) == ".");
  const std::string rest = bench.pass(10ms);
  CHECK(rest.starts_with(
      "!\r\nSuccess rate is 66 percent (2/3), round-trip min/avg/max = 10/10/10 ms\r\nr1#show clock\r\n"));
  REQUIRE(bench.recorder.pings.size() == 1);
  CHECK(bench.recorder.pings[0].sent == 3);
  CHECK(bench.recorder.interruptions == 0);
}

TEST_CASE("Ctrl-C ends a ping and drops what was typed before it") {
  RouterConfig config = router(PlatformKind::frr);
  config.targets["*"].delay = 10ms;
  Bench bench(config);
  bench.shell.take_output();
  bench.type("ping 1.1.1.1\n");
  bench.pass(1500ms);
  CHECK(bench.type("junk\x03") ==
        "^C\r\n--- 1.1.1.1 ping statistics ---\r\n2 packets transmitted, 2 received, 0% packet loss, time "
        "1000ms\r\n"
        "rtt min/avg/max/mdev = 10.000/10.000/10.000/0.000 ms\r\nr1# ");
  CHECK(bench.recorder.pings.at(0).sent == 2);
  CHECK(bench.recorder.interruptions == 1);
  CHECK(bench.type("exit\n") == "exit\r\n");
  CHECK(bench.shell.closed());
}

TEST_CASE("shell of linux: quiet set-up, exit status, bracketed paste only for clever terminals") {
  RouterConfig config = router(PlatformKind::linux_shell);
  config.vrfs = std::vector<std::string>{"CUST-A"};
  Bench bench(config);
  CHECK(bench.shell.take_output().ends_with("\r\nnetmon@r1:~$ "));
  CHECK(bench.type("export LC_ALL=C\n") == "export LC_ALL=C\r\nnetmon@r1:~$ ");
  CHECK(bench.type("stty cols 511\n") == "stty cols 511\r\nnetmon@r1:~$ ");
  CHECK(bench.type("foo\n") == "foo\r\n-bash: foo: command not found\r\nnetmon@r1:~$ ");
  CHECK(bench.type("ip vrf exec NOPE ping -c 1 1.1.1.1\n").find("Invalid VRF name") != std::string::npos);
  CHECK(bench.type("LC_ALL=C ip vrf exec CUST-A ping -c 1 1.1.1.1\n").find("PING 1.1.1.1") !=
        std::string::npos);
  Bench clever(config, {true, "xterm"});
  CHECK(clever.shell.take_output().ends_with("\x1b[?2004hnetmon@r1:~$ "));
}

TEST_CASE("a command without a session: no prompt, no echo, an exit status") {
  RouterConfig config = router(PlatformKind::linux_shell);
  Network network(config);
  Recorder recorder;
  Shell shell(config, network, {}, {}, recorder);
  shell.execute("nosuch", {});
  CHECK(shell.take_output() == "-bash: nosuch: command not found\n");
  CHECK(shell.closed());
  CHECK(shell.exit_status() == 127);
}

TEST_CASE("faults: silence, cut, endless and senseless output, only for the commands they are meant for") {
  RouterConfig config = router(PlatformKind::cisco_iosxe);
  SUBCASE("silent prompt") {
    config.faults.silent = Faults::Silent::prompt;
    Bench bench(config);
    CHECK(bench.pass(10s) == "");
    CHECK(bench.type("\r") == "");
  }
  SUBCASE("silent command") {
    config.faults.silent = Faults::Silent::command;
    Bench bench(config);
    bench.shell.take_output();
    CHECK(bench.type("terminal length 0\r").ends_with("r1#"));
    CHECK(bench.type("ping 1.1.1.1\r") == "ping 1.1.1.1\r\n");
    CHECK(bench.pass(10s) == "");
    CHECK(bench.type("\x03\r") == "");
  }
  SUBCASE("cut after some octets of output") {
    config.faults.close_in = Faults::Close::command;
    config.faults.close_after = 10;
    Bench bench(config);
    bench.shell.take_output();
    CHECK(bench.type("ping 1.1.1.1\r") == "ping 1.1.1.1\r\nType escap");
    CHECK(bench.shell.cut());
  }
  SUBCASE("endless until Ctrl-C") {
    config.faults.endless = true;
    Bench bench(config);
    bench.shell.take_output();
    bench.type("ping 1.1.1.1\r");
    CHECK(bench.pass(1s).size() > 1'000'000);
    CHECK(bench.type("\x03").ends_with("r1#"));
  }
  SUBCASE("garbage, then the prompt") {
    config.faults.garbage = true;
    Bench bench(config);
    bench.shell.take_output();
    const std::string output = bench.type("ping 1.1.1.1\r");
    CHECK(output.size() > 2000);
    CHECK(output.ends_with("\nr1#"));
  }
}

TEST_CASE("delays: the first prompt and each answer come late") {
  RouterConfig config = router(PlatformKind::h3c_comware);
  config.login_delay = 300ms;
  config.command_delay = 50ms;
  config.motd = "Keep out\n<fake>\n";
  Bench bench(config);
  CHECK(bench.pass(299ms) == "");
  const std::string greeting = bench.pass(1ms);
  CHECK(greeting.starts_with("Keep out\r\n<fake>\r\n"));
  CHECK(greeting.ends_with("\r\n<r1>"));
  CHECK(bench.type("display clock\r") == "display clock\r\n");
  CHECK(bench.pass(49ms) == "");
  CHECK(bench.pass(1ms).ends_with("<r1>"));
}

TEST_CASE("what a router does not know it refuses in its own words") {
  RouterConfig config = router(PlatformKind::cisco_iosxe);
  config.vrfs = std::vector<std::string>{"A"};
  config.sources = std::vector<std::string>{"198.51.100.1"};
  Bench bench(config);
  bench.shell.take_output();
  CHECK(bench.type("ping vrf B 1.1.1.1\r").find("% VRF B does not exist") != std::string::npos);
  CHECK(bench.type("ping nosuch\r").find("% Unrecognized host or address, or protocol not running.") !=
        std::string::npos);
  CHECK(bench.type("ping 1.1.1.1 source 9.9.9.9\r").find("% Invalid source address-") != std::string::npos);
  CHECK(bench.recorder.pings.empty());
  CHECK(bench.type("ping vrf A 1.1.1.1 source 198.51.100.1\r")
            .find("Packet sent with a source address of 198.51.100.1") != std::string::npos);
}
