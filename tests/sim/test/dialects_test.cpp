// What each command line answers, word for word: rejections, complaints, pings and traces. The shell's own
// part (echo, pager, Ctrl-C) is shell_test.cpp; that real agents understand it,
// tests/system/test_dialects.py.

#include <doctest/doctest.h>

#include "tests/sim/router/dialect.hpp"

using namespace linewatch::sim;
using namespace std::chrono_literals;

namespace {

// A session on a router that knows the VRF CUST-A and the source 198.51.100.1.
class Session {
 public:
  explicit Session(PlatformKind platform) {
    config_.name = "r1";
    config_.platform = platform;
    config_.vrfs = std::vector<std::string>{"CUST-A"};
    config_.sources = std::vector<std::string>{"198.51.100.1"};
    config_.targets["198.51.100.2"].pattern = "!.!";
    config_.targets["198.51.100.2"].delay = 12'345us;
    config_.targets["2001:db8::2"].delay = 2ms;
    config_.targets["198.51.100.4"].pattern = ".";
    config_.targets["198.51.100.5"].unreachable = true;
    config_.targets["198.51.100.5"].delay = 3ms;
    config_.targets["198.51.100.6"].no_route = true;
    dialect_ = make_dialect(config_, network_);
  }

  std::string prompt() const { return dialect_->prompt(); }

  // All that is printed until the prompt; `took` says for how long.
  std::string say(const std::string& line) {
    Reaction reaction = dialect_->run(line);
    std::string text = reaction.heading + reaction.text;
    took = 0us;
    while (auto step = reaction.program ? reaction.program->next() : std::nullopt) {
      CHECK(step->at >= took);
      took = step->at;
      text += step->text;
    }
    page_length = reaction.page_length;
    return text;
  }

  Micros took{0};
  std::optional<int> page_length;

 private:
  RouterConfig config_;
  Network network_{config_};
  std::unique_ptr<Dialect> dialect_;
};

}  // namespace

TEST_CASE("cisco_iosxr: a time stamp above each answer until it is switched off") {
  Session xr(PlatformKind::cisco_iosxr);
  CHECK(xr.prompt() == "RP/0/RP0/CPU0:r1#");
  CHECK(xr.say("terminal length 0") == "Mon Jan  1 12:00:00.000 UTC\n");
  CHECK(xr.page_length == 0);
  CHECK(xr.say("terminal exec prompt no-timestamp") == "Mon Jan  1 12:00:00.000 UTC\n");
  CHECK(xr.say("ping 198.51.100.2 count 3 timeout 1") ==
        "Type escape sequence to abort.\n"
        "Sending 3, 100-byte ICMP Echos to 198.51.100.2, timeout is 1 seconds:\n"
        "!.!\n"
        "Success rate is 66 percent (2/3), round-trip min/avg/max = 12/12/12 ms\n");
  CHECK(xr.took == 2 * 12'345us + 1s);
  CHECK(xr.say("ping 198.51.100.5 count 3").find("\nUUU\n") != std::string::npos);
  CHECK(xr.say("ping 2001:db8::2 count 1").find("to 2001:db8::2, timeout") != std::string::npos);
  CHECK(xr.say("ping vrf NOPE 198.51.100.2") == "% The specified VRF NOPE doesn't exist\n");
  CHECK(xr.say("ping far.example") == "% Bad hostname or protocol not running\n");
  CHECK(xr.say("ping 198.51.100.2 repeat 3") ==
        "                                   ^\n% Invalid input detected at '^' marker.\n");
  CHECK(xr.say("ping") == "% Incomplete command.\n");
  CHECK(xr.say("traceroute 198.51.100.2 numeric timeout 1 probe 1 maxttl 30") ==
        "\nType escape sequence to abort.\nTracing the route to 198.51.100.2\n\n"
        " 1 192.0.2.254 4 msec\n 2 203.0.113.1 8 msec\n 3 198.51.100.2 12 msec\n");
}

TEST_CASE("cisco_nxos: a line for each lost probe, zeros at the end left out") {
  Session nxos(PlatformKind::cisco_nxos);
  CHECK(nxos.say("ping 198.51.100.2 count 3 packet-size 100 timeout 1 source 198.51.100.1 vrf CUST-A") ==
        "PING 198.51.100.2 (198.51.100.2) from 198.51.100.1: 100 data bytes\n"
        "108 bytes from 198.51.100.2: icmp_seq=0 ttl=254 time=12.345 ms\n"
        "Request 1 timed out\n"
        "108 bytes from 198.51.100.2: icmp_seq=2 ttl=254 time=12.345 ms\n"
        "\n--- 198.51.100.2 ping statistics ---\n"
        "3 packets transmitted, 2 packets received, 33.33% packet loss\n"
        "round-trip min/avg/max = 12.345/12.345/12.345 ms\n");
  CHECK(nxos.say("ping6 2001:db8::2 count 1") ==
        "PING6 2001:db8::2 (2001:db8::2): 56 data bytes\n"
        "64 bytes from 2001:db8::2: icmp_seq=0 time=2 ms\n"
        "\n--- 2001:db8::2 ping6 statistics ---\n"
        "1 packets transmitted, 1 packets received, 0.00% packet loss\n"
        "round-trip min/avg/max = 2/2/2 ms\n");
  CHECK(nxos.say("ping 198.51.100.5 count 1")
            .find("36 bytes from 192.0.2.254: Destination Host Unreachable\nRequest 0 timed out\n") !=
        std::string::npos);
  CHECK(nxos.say("ping 198.51.100.6 count 1")
            .find("ping: sendto 198.51.100.6 64 chars, No route to host\nRequest 0 timed out\n") !=
        std::string::npos);
  CHECK(nxos.say("ping 2001:db8::2") == "% Invalid host/interface 2001:db8::2\n");
  CHECK(nxos.say("ping 198.51.100.2 repeat 3") ==
        "                      ^\n                      % Invalid command at '^' marker.\n");
  CHECK(nxos.say("ping 198.51.100.2 source 192.0.2.99") == "ping: can't bind to address 192.0.2.99\n");
}

TEST_CASE("juniper_junos: no line for a lost probe, a percentage that is cut, a line above the prompt") {
  Session junos(PlatformKind::juniper_junos);
  CHECK(junos.prompt() == "\n{master}\nnetmon@r1> ");
  CHECK(junos.say("ping 198.51.100.2 inet no-resolve count 3 wait 2") ==
        "PING 198.51.100.2 (198.51.100.2): 56 data bytes\n"
        "64 bytes from 198.51.100.2: icmp_seq=0 ttl=61 time=12.345 ms\n"
        "64 bytes from 198.51.100.2: icmp_seq=2 ttl=61 time=12.345 ms\n"
        "\n--- 198.51.100.2 ping statistics ---\n"
        "3 packets transmitted, 2 packets received, 33% packet loss\n"
        "round-trip min/avg/max/stddev = 12.345/12.345/12.345/0.000 ms\n");
  CHECK(junos.took == 2s + 1s);  // the last one came, but one is awaited for an interval more
  junos.say("ping 198.51.100.4 count 2 wait 3");
  CHECK(junos.took == 1s + 3s);  // nothing ever came: the wait
  CHECK(junos.say("ping 2001:db8::2 inet6 count 1 source 198.51.100.1 size 8") ==
        "PING6(56=40+8+8 bytes) 2001:db8::10 --> 2001:db8::2\n"
        "16 bytes from 2001:db8::2, icmp_seq=0 hlim=61 time=2.000 ms\n"
        "\n--- 2001:db8::2 ping6 statistics ---\n"
        "1 packets transmitted, 1 packets received, 0% packet loss\n"
        "round-trip min/avg/max/std-dev = 2.000/2.000/2.000/0.000 ms\n");
  CHECK(junos.say("ping 198.51.100.6 count 2")
            .find("data bytes\nping: sendto: No route to host\nping: sendto: No route to host\n\n---") !=
        std::string::npos);
  CHECK(junos.say("ping 198.51.100.2 cuont 3") ==
        "                             ^\nsyntax error, expecting <command>.\n");
  CHECK(junos.say("pnig") == "           ^\nunknown command.\n");
  CHECK(junos.say("ping 198.51.100.2 count many") ==
        "                                   ^\ninvalid numeric value.\n");
  CHECK(junos.say("ping 198.51.100.2 routing-instance NOPE") ==
        "error: routing instance NOPE does not exist\n");
  CHECK(junos.say("set cli screen-length 0") == "Screen length set to 0\n");
  CHECK(junos.page_length == 0);
  CHECK(junos.say("set cli timestamp format x").ends_with("CLI timestamp set to: %b %d %T\n"));
  CHECK(junos.say("ping far.example") ==
        "Jan 01 12:00:00\nping: cannot resolve far.example: Host name lookup failure\n");
}

TEST_CASE("arista_eos: iputils in a hurry, sizes of the IP packet") {
  Session eos(PlatformKind::arista_eos);
  CHECK(eos.say("ping vrf CUST-A 198.51.100.2 source 198.51.100.1 size 200 repeat 3 timeout 1") ==
        "PING 198.51.100.2 (198.51.100.2) from 198.51.100.1 : 172(200) bytes of data.\n"
        "180 bytes from 198.51.100.2: icmp_seq=1 ttl=64 time=12.3 ms\n"
        "180 bytes from 198.51.100.2: icmp_seq=3 ttl=64 time=12.3 ms\n"
        "\n--- 198.51.100.2 ping statistics ---\n"
        "3 packets transmitted, 2 received, 33.3333% packet loss, time 1012ms\n"
        "rtt min/avg/max/mdev = 12.345/12.345/12.345/0.000 ms, ipg/ewma 506.173/12.345 ms\n");
  CHECK(eos.say("ping 198.51.100.2 count 3") == "                     ^\n% Invalid input\n");
  CHECK(eos.say("ping 198.51.100.2 source 192.0.2.99") ==
        "ping: bind icmp socket: Cannot assign requested address\n");
}

TEST_CASE("arista_eos: a session without rights may say the target only") {
  RouterConfig config;
  config.platform = PlatformKind::arista_eos;
  config.enable_password = "x";
  Network network(config);
  const auto eos = make_dialect(config, network);
  CHECK(eos->prompt().ends_with(">"));
  CHECK(eos->run("ping 198.51.100.2 repeat 3").text == "% Invalid input (privileged mode required)\n");
  const auto plain = eos->run("ping 198.51.100.2");
  REQUIRE(plain.program);
  CHECK(plain.program->next()->text == "PING 198.51.100.2 (198.51.100.2) 56(84) bytes of data.\n");
  CHECK(eos->run("enable").question == "Password: ");
  CHECK(eos->answer("x").text == "");
  CHECK(eos->prompt().ends_with("#"));
}

TEST_CASE("mikrotik_routeros: a table, times in units, heading and totals again every 20 probes") {
  Session routeros(PlatformKind::mikrotik_routeros);
  CHECK(routeros.say("/ping address=198.51.100.2 count=3 interval=200ms size=100") ==
        "  SEQ HOST                                     SIZE TTL TIME       STATUS                      \n"
        "    0 198.51.100.2                              100  62 12ms345us  \n"
        "    1 198.51.100.2                                                 timeout\n"
        "    2 198.51.100.2                              100  62 12ms345us  \n"
        "    sent=3 received=2 packet-loss=33% min-rtt=12ms345us avg-rtt=12ms345us max-rtt=12ms345us\n\n");
  CHECK(routeros.took == 400ms + 12'345us);
  const std::string many = routeros.say("/tool/ping 198.51.100.2 count=21 interval=1s");
  CHECK(many.find("    sent=20 received=13 packet-loss=35% min-rtt") != std::string::npos);
  CHECK(many.find("    sent=21 received=14 packet-loss=33% min-rtt") != std::string::npos);
  CHECK(routeros.say("/ping 198.51.100.4 count=1").ends_with("    sent=1 received=0 packet-loss=100%\n\n"));
  CHECK(routeros.say("/ping 198.51.100.5 count=1").find(" 192.0.2.254 ") != std::string::npos);
  CHECK(routeros.say("/ping 198.51.100.2 cuont=3") == "expected end of command (line 1 column 20)\n\n");
  CHECK(routeros.say("/pnig") == "bad command name pnig (line 1 column 2)\n\n");
  CHECK(routeros.say("/ping 198.51.100.2 vrf=NOPE") == "input does not match any value of vrf\n\n");
  CHECK(routeros.say("/tool traceroute 198.51.100.2 count=1 max-hops=30").find("  3 198.51.100.2 ") !=
        std::string::npos);
}

TEST_CASE("fortinet_fortios: wishes are commands of their own and stick to the session") {
  Session fortios(PlatformKind::fortinet_fortios);
  CHECK(fortios.say("execute ping-options repeat-count 3") == "");
  CHECK(fortios.say("execute ping-options data-size 100") == "");
  const std::string answer =
      "PING 198.51.100.2 (198.51.100.2): 100 data bytes\n"
      "108 bytes from 198.51.100.2: icmp_seq=0 ttl=255 time=12.3 ms\n"
      "108 bytes from 198.51.100.2: icmp_seq=2 ttl=255 time=12.3 ms\n"
      "\n--- 198.51.100.2 ping statistics ---\n"
      "3 packets transmitted, 2 packets received, 33% packet loss\n"
      "round-trip min/avg/max = 12.3/12.3/12.3 ms\n\n";
  CHECK(fortios.say("execute ping 198.51.100.2") == answer);
  CHECK(fortios.say("execute ping 198.51.100.2") == answer);
  CHECK(fortios.say("execute ping6 2001:db8::2").find("5 packets transmitted, 5 received") !=
        std::string::npos);
  CHECK(fortios.say("execute ping-options reset") == "");
  CHECK(fortios.say("execute ping 198.51.100.2").find("5 packets transmitted") != std::string::npos);
  CHECK(fortios.say("execute ping 198.51.100.6").find("sendto failed\nsendto failed\n") != std::string::npos);
  CHECK(fortios.say("execute ping-options source 192.0.2.99") == "");
  CHECK(fortios.say("execute ping 198.51.100.2").starts_with("bind failed: "));
  CHECK(fortios.say("execute ping 198.51.100.2 count 5") == "\nUnknown action 0\n\n");
  CHECK(fortios.say("execute ping-options count 5") ==
        "\ncommand parse error before 'count'\nCommand fail. Return code -61\n\n");
  CHECK(fortios.say("execute ping far.example") == "Unable to resolve hostname.\n\n");
}

TEST_CASE("nokia_sros: three digits, singular and plural, both command lines") {
  Session md(PlatformKind::nokia_sros);
  CHECK(md.prompt() == "\n[/]\nA:netmon@r1# ");
  CHECK(md.say("ping 198.51.100.2 count 3 timeout 1 router-instance \"CUST-A\"") ==
        "PING 198.51.100.2 56 data bytes\n"
        "64 bytes from 198.51.100.2: icmp_seq=1 ttl=64 time=12.3ms.\n"
        "Request timed out. icmp_seq=2.\n"
        "64 bytes from 198.51.100.2: icmp_seq=3 ttl=64 time=12.3ms.\n"
        "\n---- 198.51.100.2 PING Statistics ----\n"
        "3 packets transmitted, 2 packets received, 33.3% packet loss\n"
        "round-trip min = 12.3ms, avg = 12.3ms, max = 12.3ms, stddev = 0.000ms\n");
  CHECK(md.took == 2s + 12'345us);
  CHECK(md.say("ping 2001:db8::2 count 1")
            .ends_with("1 packet transmitted, 1 packet received, 0.00% packet loss\n"
                       "round-trip min = 2.00ms, avg = 2.00ms, max = 2.00ms, stddev = 0.000ms\n"));
  CHECK(md.say("ping 198.51.100.4 count 1")
            .ends_with("1 packet transmitted, 0 packets received, 100% packet loss\n"));
  CHECK(md.say("ping 198.51.100.2 cuont 3") ==
        "                               ^^^^^\nMINOR: MGMT_CORE #2201: Unknown element - 'cuont'\n");
  CHECK(md.say("environment more false") == "");
  CHECK(md.page_length == 0);

  Session classic(PlatformKind::nokia_sros_classic);
  CHECK(classic.prompt() == "A:r1# ");
  CHECK(classic.say("ping 198.51.100.2 router-instance CUST-A") ==
        "                        ^\nError: Invalid parameter. \n");
  CHECK(classic.say("environment no more") == "");
  CHECK(classic.page_length == 0);
  CHECK(classic.say("ping 198.51.100.2 source 192.0.2.99 count 1") ==
        "PING 198.51.100.2 56 data bytes\n"
        "Send failed. Source IP address is not local to the system\n"
        "\n---- 198.51.100.2 PING Statistics ----\n"
        "1 packets transmitted, 0 packets received, 100% packet loss\n");
}

TEST_CASE("traces: the target at the end, or the router that cannot reach it; as many probes as asked for") {
  const auto trace = [](PlatformKind platform, const std::string& command) {
    Session session(platform);
    return session.say(command);
  };
  CHECK(trace(PlatformKind::cisco_iosxe,
              "traceroute vrf CUST-A 198.51.100.4 numeric timeout 1 probe 1 ttl 1 30")
            .ends_with("  1 192.0.2.254 2 msec\n  2 203.0.113.1 3 msec\n  3 203.0.113.1 H\n"));
  CHECK(trace(PlatformKind::huawei_vrp, "tracert -a 198.51.100.1 -m 30 -q 1 -w 1000 198.51.100.2")
            .ends_with(" 1 192.0.2.254 4 ms\n 2 203.0.113.1 8 ms\n 3 198.51.100.2 12 ms\n"));
  CHECK(trace(PlatformKind::h3c_comware, "tracert -m 30 -q 1 -w 1000 198.51.100.2")
            .ends_with(" 3  198.51.100.2 (198.51.100.2)  12.345 ms\n"));
  CHECK(trace(PlatformKind::linux_shell, "traceroute -4 -n -q 1 -w 1 -m 30 198.51.100.5")
            .ends_with(" 3  203.0.113.1  3.000 ms !H\n"));
  CHECK(trace(PlatformKind::frr, "traceroute ipv6 2001:db8::2")
            .ends_with(" 3  2001:db8::2 (2001:db8::2)  2.000 ms  2.000 ms  2.000 ms\n"));
  CHECK(trace(PlatformKind::arista_eos, "traceroute vrf NOPE 198.51.100.2") == "% VRF NOPE does not exist\n");
  CHECK(trace(PlatformKind::nokia_sros, "traceroute 198.51.100.2 ttl 30 wait 1000")
            .ends_with("  3  198.51.100.2  12.35 ms  12.35 ms  12.35 ms\n"));
  CHECK(trace(PlatformKind::fortinet_fortios, "execute traceroute 198.51.100.2")
            .starts_with("traceroute to 198.51.100.2 (198.51.100.2), 32 hops max, 3 probe packets"));
}
