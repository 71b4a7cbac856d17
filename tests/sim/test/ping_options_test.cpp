#include <doctest/doctest.h>

#include "tests/sim/router/ping_options.hpp"

using namespace linewatch::sim;
using namespace std::chrono_literals;

namespace {

ParsedPing ios(const std::string& line) {
  const auto words = split_words(line);
  return parse_ios_ping(std::span(words).subspan(1), line.size());
}
ParsedPing vrp(const std::string& line) {
  const auto words = split_words(line);
  return parse_vrp_ping(std::span(words).subspan(1), line.size(), 500ms);
}
std::expected<PingRequest, std::string> iputils(const std::string& line) {
  const auto words = split_words(line);
  return parse_iputils_ping(std::span(words).subspan(1), words[0].text == "ping6");
}

}  // namespace

TEST_CASE("ios ping options") {
  const auto all =
      ios("ping vrf CUST-A ip 198.51.100.2 repeat 20 size 1500 timeout 1 source Loopback 0 df-bit tos 184");
  REQUIRE(all.has_value());
  CHECK(all->vrf == "CUST-A");
  CHECK(all->target == "198.51.100.2");
  CHECK(all->count == 20);
  CHECK(all->size == 1500);
  CHECK(all->timeout == 1s);
  CHECK(all->source == "Loopback0");
  CHECK(all->df);
  CHECK(ios("ping ipv6 2001:db8::1")->ipv6);
  CHECK(ios("ping 2001:db8::1")->ipv6);
  CHECK(ios("ping 1.1.1.1 rep 3")->count == 3);
}

TEST_CASE("ios ping points at the word it does not know") {
  CHECK(ios("ping 1.1.1.1 foo").error().at == 13);
  CHECK(ios("ping 1.1.1.1 repeat 0").error().at == 20);
  CHECK((ios("ping").error().why == BadWord::Why::incomplete));
  CHECK((ios("ping vrf A").error().why == BadWord::Why::incomplete));
}

TEST_CASE("vrp and comware ping options, in milliseconds and before the target") {
  const auto all =
      vrp("ping -vpn-instance V -c 3 -t 2500 -s 1400 -a 198.51.100.1 -f -tos 184 -m 100 198.51.100.2");
  REQUIRE(all.has_value());
  CHECK(all->vrf == "V");
  CHECK(all->count == 3);
  CHECK(all->timeout == 2500ms);
  CHECK(all->size == 1400);
  CHECK(all->source == "198.51.100.1");
  CHECK(all->df);
  CHECK(all->interval == 100ms);
  CHECK(all->target == "198.51.100.2");
  CHECK(vrp("ping 1.1.1.1")->interval == 500ms);
  const auto v6 = vrp("ping ipv6 vpn-instance V -c 1 -tc 184 2001:db8::2 -i GigabitEthernet0/0/1");
  REQUIRE(v6.has_value());
  CHECK(v6->ipv6);
  CHECK(v6->vrf == "V");
  CHECK(v6->source == "GigabitEthernet0/0/1");
  CHECK((vrp("ping 1.1.1.1 -c 3").error().why == BadWord::Why::too_many));
  CHECK((vrp("ping -c x 1.1.1.1").error().why == BadWord::Why::wrong_parameter));
  CHECK((vrp("ping -c 3").error().why == BadWord::Why::incomplete));
  CHECK((vrp("ping -k 1.1.1.1").error().why == BadWord::Why::unrecognized));
}

TEST_CASE("iputils ping options") {
  const auto all = iputils("ping -4 -n -c 5 -W 0.5 -i 0.2 -s 72 -I eth0 -M do -Q 184 198.51.100.2");
  REQUIRE(all.has_value());
  CHECK(all->count == 5);
  CHECK(all->timeout == 500ms);
  CHECK(all->interval == 200ms);
  CHECK(all->size == 72);
  CHECK(all->source == "eth0");
  CHECK(all->df);
  CHECK(iputils("ping -nc3 1.1.1.1")->count == 3);
  CHECK_FALSE(iputils("ping 1.1.1.1")->count.has_value());
  CHECK(iputils("ping6 ::1")->ipv6);
  CHECK(iputils("ping -c 0 1.1.1.1").error().find("out of range") != std::string::npos);
  CHECK(iputils("ping -z 1.1.1.1").error().starts_with("ping: invalid option -- 'z'\n"));
  CHECK(iputils("ping -c").error().starts_with("ping: option requires an argument -- 'c'\n"));
  CHECK(iputils("ping -n").error() == "ping: usage error: Destination address required\n");
  CHECK(iputils("ping -6 1.1.1.1").error() == "ping: 1.1.1.1: Address family for hostname not supported\n");
}
