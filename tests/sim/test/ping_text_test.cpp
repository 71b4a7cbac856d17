#include <doctest/doctest.h>

#include "tests/sim/router/ping.hpp"

using namespace linewatch::sim;
using namespace std::chrono_literals;

namespace {

struct Played {
  std::string text;
  Micros took{0};
  PingCounts counts;
  int status = 0;
};

Played play(std::unique_ptr<Program> program) {
  Played played;
  while (auto step = program->next()) {
    CHECK(step->at >= played.took);
    played.text += step->text;
    played.took = step->at;
  }
  played.counts = program->counts(played.took).value();
  played.status = program->exit_status();
  return played;
}

// Plays until `at`, then Ctrl-C.
Played play_until(std::unique_ptr<Program> program, Micros at) {
  Played played;
  for (auto step = program->next(); step && step->at <= at; step = program->next()) played.text += step->text;
  played.text += program->interrupt(at);
  played.counts = program->counts(at).value();
  return played;
}

Resolved to(Target target, const std::string& address = "198.51.100.2") {
  return {address, address, target};
}

Target pattern(const std::string& marks, Micros delay) {
  Target target;
  target.pattern = marks;
  target.delay = delay;
  return target;
}

using Make = std::unique_ptr<Program> (*)(const PingRequest&, const Resolved&, Probes);

std::unique_ptr<Program> make(Make how, const PingRequest& request, const Resolved& target) {
  return how(request, target, Probes(target.target, 1));
}

}  // namespace

TEST_CASE("ios: marks, counts and whole milliseconds from pattern and delay") {
  const auto played = play(make(make_ios_ping, {}, to(pattern("!!.!!", 12'700us))));
  CHECK(played.text ==
        "Type escape sequence to abort.\n"
        "Sending 5, 100-byte ICMP Echos to 198.51.100.2, timeout is 2 seconds:\n"
        "!!.!!\n"
        "Success rate is 80 percent (4/5), round-trip min/avg/max = 12/12/12 ms\n");
  CHECK(played.took == 4 * 12'700us + 2s);  // the next probe goes when the reply came or the time was over
  CHECK(played.counts.sent == 5);
  CHECK(played.counts.received == 4);
}

TEST_CASE("ios: nothing came back") {
  PingRequest request;
  request.count = 3;
  request.timeout = 1s;
  request.df = true;
  request.source = "198.51.100.1";
  const auto played = play(make(make_ios_ping, request, to(pattern(".", 1ms))));
  CHECK(played.text ==
        "Type escape sequence to abort.\n"
        "Sending 3, 100-byte ICMP Echos to 198.51.100.2, timeout is 1 seconds:\n"
        "Packet sent with a source address of 198.51.100.1\n"
        "Packet sent with the DF bit set\n"
        "...\n"
        "Success rate is 0 percent (0/3)\n");
  CHECK(played.took == 3s);
}

TEST_CASE("ios: a line takes 70 marks and the percentage is truncated") {
  PingRequest request;
  request.count = 1000;
  std::string marks(1000, '!');
  for (std::size_t i = 0; i < 8; ++i) marks[i * 100] = '.';
  const auto played = play(make(make_ios_ping, request, to(pattern(marks, 400us))));
  CHECK(played.text.find("\n" + marks.substr(0, 70) + "\n" + marks.substr(70, 70) + "\n") !=
        std::string::npos);
  CHECK(played.text.find("Success rate is 99 percent (992/1000), round-trip min/avg/max = 0/0/0 ms\n") !=
        std::string::npos);
}

TEST_CASE("ios: a reply slower than the time-out is lost, unreachables come every second time") {
  PingRequest request;
  request.count = 4;
  request.timeout = 1s;
  CHECK(play(make(make_ios_ping, request, to(pattern("!", 1500ms)))).text.find("\n....\n") !=
        std::string::npos);
  Target gone;
  gone.unreachable = true;
  gone.delay = 3ms;
  const auto played = play(make(make_ios_ping, request, to(gone)));
  CHECK(played.text.find("\nU.U.\n") != std::string::npos);
  CHECK(played.took == 2 * 3ms + 2s);
}

TEST_CASE("ios: no route over IPv6 ends at once and is one probe") {
  PingRequest request;
  request.ipv6 = true;
  Target target;
  target.no_route = true;
  const auto played = play(make(make_ios_ping, request, to(target, "2001:db8::9")));
  CHECK(played.text.find("to 2001:DB8::9, timeout") != std::string::npos);
  CHECK(played.text.ends_with("\n% No valid route for destination\nSuccess rate is 0 percent (0/1)\n"));
  CHECK(played.took == 0s);
}

TEST_CASE("ios: interrupted, it sums up what left the router") {
  const auto played = play_until(make(make_ios_ping, {}, to(pattern("!!.!!", 10ms))), 500ms);
  CHECK(
      played.text.ends_with("!!\nSuccess rate is 66 percent (2/3), round-trip min/avg/max = 10/10/10 ms\n"));
  CHECK(played.counts.sent == 3);
  CHECK(played.counts.received == 2);
}

TEST_CASE("vrp: five-line statistics, intervals of 500 ms") {
  PingRequest request;
  request.size = 56;
  request.interval = 500ms;
  const auto played = play(make(make_vrp_ping, request, to(pattern("!.!!!", 20ms))));
  CHECK(played.text ==
        "  PING 198.51.100.2: 56  data bytes, press CTRL_C to break\n"
        "    Reply from 198.51.100.2: bytes=56 Sequence=1 ttl=254 time=20 ms\n"
        "    Request time out\n"
        "    Reply from 198.51.100.2: bytes=56 Sequence=3 ttl=254 time=20 ms\n"
        "    Reply from 198.51.100.2: bytes=56 Sequence=4 ttl=254 time=20 ms\n"
        "    Reply from 198.51.100.2: bytes=56 Sequence=5 ttl=254 time=20 ms\n"
        "\n"
        "  --- 198.51.100.2 ping statistics ---\n"
        "    5 packet(s) transmitted\n"
        "    4 packet(s) received\n"
        "    20.00% packet loss\n"
        "    round-trip min/avg/max = 20/20/20 ms\n"
        "\n");
  CHECK(played.took == 500ms + 2s + 500ms + 500ms + 20ms);
}

TEST_CASE("comware: three decimals, VPN instance in the heading of the statistics") {
  PingRequest request;
  request.size = 56;
  request.interval = 200ms;
  request.count = 2;
  request.vrf = "CUST-A";
  request.source = "198.51.100.1";
  const auto played = play(make(make_comware_ping, request, to(pattern("!", 1963us))));
  CHECK(played.text ==
        "Ping 198.51.100.2 (198.51.100.2) from 198.51.100.1: 56 data bytes, press CTRL+C to break\n"
        "56 bytes from 198.51.100.2: icmp_seq=0 ttl=254 time=1.963 ms\n"
        "56 bytes from 198.51.100.2: icmp_seq=1 ttl=254 time=1.963 ms\n"
        "\n"
        "--- Ping statistics for 198.51.100.2 in VPN instance CUST-A ---\n"
        "2 packet(s) transmitted, 2 packet(s) received, 0.0% packet loss\n"
        "round-trip min/avg/max/std-dev = 1.963/1.963/1.963/0.000 ms\n");
  CHECK(played.took == 200ms + 1963us);
}

TEST_CASE("comware: interrupted while it waits for the second reply") {
  PingRequest request;
  request.size = 56;
  request.interval = 200ms;
  const auto played = play_until(make(make_comware_ping, request, to(pattern("!.", 5ms))), 300ms);
  CHECK(played.text.find("2 packet(s) transmitted, 1 packet(s) received, 50.0% packet loss\n") !=
        std::string::npos);
  CHECK(played.counts.sent == 2);
}

namespace {

PingRequest iputils(std::optional<int> count) {
  PingRequest request;
  request.count = count;
  request.size = 56;
  request.interval = 1s;
  request.timeout = 2s;
  return request;
}

}  // namespace

TEST_CASE("iputils: footer with deviation; the last reply ends it") {
  const auto played = play(make(make_iputils_ping, iputils(3), to(pattern("!!!", 35'225us))));
  CHECK(played.text ==
        "PING 198.51.100.2 (198.51.100.2) 56(84) bytes of data.\n"
        "64 bytes from 198.51.100.2: icmp_seq=1 ttl=64 time=35.2 ms\n"
        "64 bytes from 198.51.100.2: icmp_seq=2 ttl=64 time=35.2 ms\n"
        "64 bytes from 198.51.100.2: icmp_seq=3 ttl=64 time=35.2 ms\n"
        "\n"
        "--- 198.51.100.2 ping statistics ---\n"
        "3 packets transmitted, 3 received, 0% packet loss, time 2000ms\n"
        "rtt min/avg/max/mdev = 35.225/35.225/35.225/0.000 ms\n");
  CHECK(played.took == 2s + 35'225us);
  CHECK(played.status == 0);
}

TEST_CASE("iputils: how long it waits after the last probe") {
  // Nothing came: -W. Something came: two round trips or an interval.
  const auto none = play(make(make_iputils_ping, iputils(2), to(pattern(".", 1ms))));
  CHECK(none.took == 1s + 2s);
  CHECK(none.text.ends_with("2 packets transmitted, 0 received, 100% packet loss, time 1000ms\n\n"));
  CHECK(none.status == 1);
  const auto last = play(make(make_iputils_ping, iputils(3), to(pattern("!!.", 10ms))));
  CHECK(last.took == 2s + 1s);
  CHECK(last.text.find("3 packets transmitted, 2 received, 33.3333% packet loss") != std::string::npos);
}

TEST_CASE("iputils: unreachable") {
  Target gone;
  gone.unreachable = true;
  const auto played = play(make(make_iputils_ping, iputils(2), to(gone)));
  CHECK(played.text.find("From 192.0.2.254 icmp_seq=1 Destination Host Unreachable\n") != std::string::npos);
  CHECK(played.text.find("2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1000ms\n") !=
        std::string::npos);
}

TEST_CASE("iputils: without a count it ends by Ctrl-C only, also when nothing answers") {
  const auto played =
      play_until(make(make_iputils_ping, iputils(std::nullopt), to(pattern("!!.", 10ms))), 3500ms);
  CHECK(
      played.text.ends_with("\n--- 198.51.100.2 ping statistics ---\n"
                            "4 packets transmitted, 3 received, 25% packet loss, time 3000ms\n"
                            "rtt min/avg/max/mdev = 10.000/10.000/10.000/0.000 ms\n"));
  const auto dead =
      play_until(make(make_iputils_ping, iputils(std::nullopt), to(pattern(".", 10ms))), 2500ms);
  CHECK(dead.text.find("3 packets transmitted, 0 received, 100% packet loss") != std::string::npos);
  CHECK(dead.counts.sent == 3);
}

TEST_CASE("the same seed gives the same fate, and loss is near what was asked for") {
  Target target;
  target.loss = 0.2;
  target.jitter = 2ms;
  target.delay = 10ms;
  Probes one(target, 7), same(target, 7), other(target, 8);
  int lost = 0, differs = 0;
  for (int i = 0; i < 10000; ++i) {
    const Probe a = one.next(), b = same.next(), c = other.next();
    CHECK(a.round_trip == b.round_trip);
    CHECK((a.fate == b.fate));
    CHECK(a.round_trip >= 8ms);
    CHECK(a.round_trip <= 12ms);
    if (a.fate == Probe::Fate::lost) ++lost;
    if (a.fate != c.fate) ++differs;
  }
  CHECK(lost > 1800);
  CHECK(lost < 2200);
  CHECK(differs > 1000);
}
