#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <random>

#include "scheduler/task/ping.hpp"
#include "scheduler/task/ping_json.hpp"
#include "tests/fuzz/sense.hpp"
#include "tests/scheduler/task/transcripts.hpp"

using namespace linewatch;
using aggregator::PingFigures;
using aggregator::PingStatus;
using scheduler::parse_ping;

namespace {

// Equal, numbers within rounding.
bool same(const nlohmann::ordered_json& one, const nlohmann::ordered_json& other) {
  if (one.is_number() && other.is_number()) return std::abs(one.get<double>() - other.get<double>()) < 1e-6;
  if (one.type() != other.type() || one.size() != other.size()) return false;
  if (!one.is_structured()) return one == other;
  for (auto left = one.begin(), right = other.begin(); left != one.end(); ++left, ++right) {
    if (one.is_object() && left.key() != right.key()) return false;
    if (!same(*left, *right)) return false;
  }
  return true;
}

void check_sense(const config::Platform& platform, const PingFigures& figures) {
  CHECK(test::nonsense(platform, figures) == "");
}

}  // namespace

TEST_CASE("each platform's answers are read as written beside them") {
  std::map<std::string, int> per_platform;
  for (const auto& transcript : test::transcripts()) {
    ++per_platform[transcript.platform];
    const auto platform = test::platform(transcript.platform);
    const PingFigures figures = parse_ping(*platform, transcript.text);
    const auto got = scheduler::to_json(transcript.platform, figures);
    INFO(transcript.platform << "/" << transcript.name);
    INFO("expected: " << transcript.expected.dump());
    INFO("got:      " << got.dump());
    CHECK(same(transcript.expected, got));
    check_sense(*platform, figures);
  }
  for (const std::string& name : config::builtin_platforms().names()) {
    INFO(name);
    CHECK(per_platform[name] >= 6);
  }
}

TEST_CASE("the text before the answer and after it changes nothing") {
  for (const auto& transcript : test::transcripts()) {
    if (transcript.expected["received"].is_null()) continue;  // refusals are looked for everywhere
    const auto platform = test::platform(transcript.platform);
    INFO(transcript.platform << "/" << transcript.name);
    const std::string around = "*** authorized use only 5/5 ***\n\n" + transcript.text + "\nr1#";
    CHECK(same(scheduler::to_json("", parse_ping(*platform, around)),
               scheduler::to_json("", parse_ping(*platform, transcript.text))));
  }
}

TEST_CASE("log lines between the lines of an answer change no figure") {
  const std::string logs[] = {"%LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to down",
                              "*Jul  1 10:00:00.123: %OSPF-5-ADJCHG: Process 1, Nbr 192.0.2.3 on Gi0/1 from "
                              "FULL to DOWN, Neighbor Down",
                              "Jul  1 2026 10:00:00 pe1 %%01IFNET/4/LINK_STATE(l)[0]:The line protocol on "
                              "the interface is down, 5 lost",
                              "%Jul  1 10:00:00:123 2026 pe1 IFNET/3/PHY_UPDOWN: -MDC=1; Physical state on "
                              "the interface GE1/0/1 changed to down.",
                              "2026 Jul  1 10:00:00 spine-1 %ETHPORT-5-IF_DOWN_LINK_FAILURE: Interface "
                              "Ethernet1/1 is down (Link failure)"};
  for (const auto& transcript : test::transcripts()) {
    if (transcript.expected["sent"].is_null() || transcript.expected["received"].is_null()) continue;
    const auto platform = test::platform(transcript.platform);
    const PingFigures quiet = parse_ping(*platform, transcript.text);
    for (const std::string& log : logs) {
      std::string noisy;
      for (const char c : transcript.text) noisy += c == '\n' ? "\n" + log + "\n" : std::string(1, c);
      const PingFigures figures = parse_ping(*platform, noisy);
      INFO(transcript.platform << "/" << transcript.name << " with " << log);
      CHECK(figures.status == quiet.status);
      CHECK(figures.sent == quiet.sent);
      CHECK(figures.received == quiet.received);
      CHECK(figures.avg_ms == quiet.avg_ms);
      CHECK(figures.probes_ms == quiet.probes_ms);
    }
  }
}

TEST_CASE("of two pings in one transcript the last is read") {
  for (const auto& transcript : test::transcripts()) {
    if (transcript.name != "one-lost" && transcript.name != "all-answered") continue;
    const auto platform = test::platform(transcript.platform);
    for (const auto& other : test::transcripts()) {
      if (other.platform != transcript.platform || other.expected["received"] != 0) continue;
      INFO(transcript.platform << "/" << transcript.name << " and " << other.name);
      const PingFigures alone = parse_ping(*platform, other.text);
      const PingFigures last = parse_ping(*platform, transcript.text + "\n" + other.text);
      CHECK(last.status == alone.status);
      CHECK(last.sent == alone.sent);
      CHECK(last.received == alone.received);
      const PingFigures first = parse_ping(*platform, other.text + "\n" + transcript.text);
      CHECK(first.status == parse_ping(*platform, transcript.text).status);
      CHECK(first.avg_ms == parse_ping(*platform, transcript.text).avg_ms);
    }
  }
}

TEST_CASE("a refused command after a good one is no good answer") {
  for (const auto& transcript : test::transcripts()) {
    if (transcript.name != "not-understood" && transcript.name != "name-not-resolved") continue;
    for (const auto& good : test::transcripts()) {
      if (good.platform != transcript.platform || good.name != "all-answered") continue;
      INFO(transcript.platform << "/" << transcript.name);
      const std::string line = transcript.text.substr(0, transcript.text.find('\n'));
      if (line.find("ping ") == std::string::npos) continue;  // typed wrong: no ping that could be seen
      const PingFigures figures =
          parse_ping(*test::platform(good.platform), good.text + "\n" + transcript.text);
      CHECK(figures.status == PingStatus::error);
      CHECK_FALSE(figures.sent);
    }
  }
}

TEST_CASE("the router's own word that it takes no such ping is told from an answer that is not understood") {
  std::size_t refused = 0;
  for (const auto& transcript : test::transcripts()) {
    const PingFigures figures = parse_ping(*test::platform(transcript.platform), transcript.text);
    const bool by_the_router = transcript.name == "not-understood" || transcript.name == "name-not-resolved";
    INFO(transcript.platform << "/" << transcript.name << ": " << figures.error);
    if (by_the_router) CHECK((figures.refused || figures.status != PingStatus::error));
    if (by_the_router && figures.refused) ++refused;
    if (figures.status != PingStatus::error) CHECK_FALSE(figures.refused);
  }
  CHECK(refused > 10);
  CHECK_FALSE(parse_ping(*test::platform("cisco_iosxe"), "something new happened\n").refused);
}

TEST_CASE("figures that contradict themselves are an error, and the counts are shown") {
  const auto ios = test::platform("cisco_iosxe");
  const PingFigures more =
      parse_ping(*ios, "Success rate is 100 percent (6/5), round-trip min/avg/max = 1/2/3 ms\n");
  CHECK(more.status == PingStatus::error);
  CHECK(more.sent == 5);
  CHECK(more.received == 6);
  CHECK_FALSE(more.loss_percent);
  CHECK(parse_ping(*ios, "Success rate is 0 percent (0/0)\n").status == PingStatus::error);
  CHECK(parse_ping(*ios, "Success rate is 100 percent (5/99999999999)\n").status == PingStatus::error);
  const PingFigures times =
      parse_ping(*ios, "Success rate is 100 percent (5/5), round-trip min/avg/max = 9/2/3 ms\n");
  CHECK(times.status == PingStatus::error);
  CHECK_FALSE(times.min_ms);
}

TEST_CASE("a time that no clock can have measured is not understood") {
  const std::string many(308, '9');
  for (const std::string& time :
       {many + "s", many + "ms", std::string("1000000000ms"), many + "ms" + many + "us"}) {
    const PingFigures figures =
        parse_ping(*test::platform("mikrotik_routeros"),
                   "sent=2 received=2 packet-loss=0% min-rtt=1ms avg-rtt=1ms max-rtt=" + time + " \n");
    CHECK(figures.status == PingStatus::error);
    CHECK(figures.error.starts_with("not understood: "));
    CHECK_FALSE(figures.max_ms);
  }
}

TEST_CASE("round trip times of a dead line are not believed") {
  const PingFigures figures =
      parse_ping(*test::platform("cisco_iosxe"),
                 "Success rate is 0 percent (0/4), round-trip min/avg/max = 1/8/17 ms\n");
  CHECK(figures.status == PingStatus::total_loss);
  CHECK_FALSE(figures.max_ms);
}

TEST_CASE("probes that are not all printed are not invented") {
  const PingFigures figures =
      parse_ping(*test::platform("huawei_vrp"),
                 "    Reply from 192.0.2.1: bytes=56 Sequence=1 ttl=125 time=8 ms\n..\n"
                 "    4 packet(s) transmitted\n    3 packet(s) received\n");
  CHECK(figures.status == PingStatus::partial_loss);
  CHECK(figures.probes_ms.empty());
}

TEST_CASE("what is no answer is an error that shows it") {
  const auto ios = test::platform("cisco_iosxe");
  CHECK(parse_ping(*ios, "").error == "no answer");
  CHECK(parse_ping(*ios, "\r\n\0\r\n").error == "no answer");
  CHECK(parse_ping(*ios, "ping 192.0.2.1\nsomething new happened\nr1#").error ==
        "not a ping's answer: something new happened");
  CHECK(parse_ping(*ios, "gar\xe7on \xff\x01").error == "not a ping's answer: gar?on ?");
  CHECK(parse_ping(*ios, std::string(100000, 'x')).error.size() < 300);
}

TEST_CASE("cut anywhere, an answer has the figures of the whole or none") {
  for (const auto& transcript : test::transcripts()) {
    const auto platform = test::platform(transcript.platform);
    const PingFigures whole = parse_ping(*platform, transcript.text);
    INFO(transcript.platform << "/" << transcript.name);
    for (std::size_t length = 0; length < transcript.text.size(); length += length < 600 ? 1 : 37) {
      const PingFigures cut = parse_ping(*platform, std::string_view(transcript.text).substr(0, length));
      check_sense(*platform, cut);
      // Where totals are printed twice the first are those of what was there till then.
      if (transcript.name == "second-of-two" || transcript.name == "heading-and-totals-again") continue;
      CAPTURE(length);
      if (cut.sent) CHECK(cut.sent == whole.sent);
      if (cut.sent && cut.received) CHECK(cut.received == whole.received);
      if (cut.avg_ms) {
        CHECK(cut.min_ms == whole.min_ms);
        CHECK(cut.avg_ms == whole.avg_ms);
        CHECK(cut.max_ms == whole.max_ms);
      }
      if (cut.stddev_ms) CHECK(cut.stddev_ms == whole.stddev_ms);
    }
  }
}

TEST_CASE("garbled answers make sense or are errors") {
  std::mt19937 random(20260701);
  for (const auto& transcript : test::transcripts()) {
    const auto platform = test::platform(transcript.platform);
    for (int round = 0; round < 60; ++round) {
      std::string text = transcript.text;
      for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
        text[random() % text.size()] ^= static_cast<char>(1U << (random() % 8));
      }
      INFO(transcript.platform << "/" << transcript.name << ":\n" << text);
      check_sense(*platform, parse_ping(*platform, text));
    }
  }
}

TEST_CASE("noise is no answer") {
  std::mt19937 random(7);
  const std::string alphabet =
      "!.UPING pingReply()%/0123456789\r\n\x1b[\b=Sequence-msttl:packet transmitted received";
  for (const std::string& name : config::builtin_platforms().names()) {
    const auto platform = test::platform(name);
    for (int round = 0; round < 300; ++round) {
      std::string text(random() % 400, ' ');
      const bool words = round % 2 == 0;
      for (char& c : text) c = words ? alphabet[random() % alphabet.size()] : static_cast<char>(random());
      INFO(name << ": " << text);
      check_sense(*platform, parse_ping(*platform, text));
    }
  }
}
