#include <doctest/doctest.h>
#include <fmt/format.h>

#include "scheduler/task/ping.hpp"
#include "tests/scheduler/task/transcripts.hpp"

using namespace linewatch;
using namespace std::chrono_literals;
using scheduler::render_ping;

namespace {

config::Line line(const std::string& target) {
  config::Line line;
  line.id = "L-1";
  line.target = target;
  return line;
}

config::Line everything(const std::string& target, const std::string& source) {
  config::Line wished = line(target);
  wished.count = 10;
  wished.timeout = 3s;
  wished.size = 100;
  wished.source = source;
  wished.vrf = "CUST-A";
  return wished;
}

std::string typed(const std::string& platform, const config::Line& line) {
  const auto lines = render_ping(line, *test::platform(platform), line.target);
  return lines ? fmt::format("{}", fmt::join(*lines, "; ")) : "error: " + lines.error();
}

}  // namespace

TEST_CASE("a plain line is typed in each platform's words and units") {
  const config::Line plain = line("198.51.100.2");
  CHECK(typed("cisco_iosxe", plain) == "ping 198.51.100.2 repeat 5 timeout 2");
  CHECK(typed("huawei_vrp", plain) == "ping -c 5 -t 2000 198.51.100.2");
  CHECK(typed("h3c_comware", plain) == "ping -c 5 -t 2000 198.51.100.2");
  CHECK(typed("linux", plain) == "ping -4 -n -c 5 -W 2 198.51.100.2");
  CHECK(typed("frr", plain) == "ping 198.51.100.2");
}

TEST_CASE("every wish has its place") {
  config::Line wished = everything("198.51.100.2", "198.51.100.1");
  wished.df = true;
  wished.dscp = 46;
  CHECK(typed("cisco_iosxe", wished) ==
        "ping vrf CUST-A 198.51.100.2 repeat 10 size 100 timeout 3 source 198.51.100.1 df-bit tos 184");
  CHECK(typed("huawei_vrp", wished) ==
        "ping -vpn-instance CUST-A -c 10 -t 3000 -s 72 -a 198.51.100.1 -f -tos 184 198.51.100.2");
  CHECK(typed("h3c_comware", wished) ==
        "ping -vpn-instance CUST-A -c 10 -t 3000 -s 72 -a 198.51.100.1 -f -tos 184 198.51.100.2");
  CHECK(typed("linux", wished) ==
        "ip vrf exec CUST-A ping -4 -n -c 10 -W 3 -s 72 -I 198.51.100.1 -M do -Q 184 198.51.100.2");
}

TEST_CASE("each vendor's words, units and octets") {
  config::Line wished = everything("198.51.100.2", "198.51.100.1");
  wished.df = true;
  CHECK(typed("cisco_iosxr", wished) ==
        "ping vrf CUST-A 198.51.100.2 count 10 size 100 timeout 3 source 198.51.100.1 donotfrag");
  CHECK(typed("cisco_nxos", wished) ==
        "ping 198.51.100.2 count 10 packet-size 72 timeout 3 source 198.51.100.1 vrf CUST-A df-bit");
  CHECK(
      typed("juniper_junos", wished) ==
      "ping 198.51.100.2 inet no-resolve count 10 wait 3 size 72 source 198.51.100.1 routing-instance CUST-A "
      "do-not-fragment");
  CHECK(typed("arista_eos", wished) ==
        "ping vrf CUST-A 198.51.100.2 source 198.51.100.1 size 100 df-bit repeat 10 timeout 3");
  CHECK(typed("nokia_sros", wished) ==
        "ping 198.51.100.2 count 10 timeout 3 size 72 source-address 198.51.100.1 router-instance \"CUST-A\" "
        "do-not-fragment");
  CHECK(typed("nokia_sros_classic", wished) ==
        "ping 198.51.100.2 count 10 timeout 3 size 72 source 198.51.100.1 router CUST-A do-not-fragment");
  CHECK(typed("mikrotik_routeros", wished) ==
        "/ping address=198.51.100.2 count=10 interval=3000ms size=100 src-address=198.51.100.1 vrf=CUST-A "
        "do-not-fragment");
  CHECK(typed("vyos", wished) ==
        "ping 198.51.100.2 count 10 size 72 interface 198.51.100.1 do-not-fragment vrf CUST-A");
  CHECK(typed("ruckus_fastiron", wished) ==
        "ping vrf CUST-A 198.51.100.2 source 198.51.100.1 count 10 timeout 3000 size 72 no-fragment");
  CHECK(typed("aruba_aoscx", wished) ==
        "ping 198.51.100.2 source 198.51.100.1 datagram-size 72 timeout 3 repetitions 10 do-not-fragment vrf "
        "CUST-A");
  wished.vrf.clear();
  CHECK(typed("paloalto_panos", wished) ==
        "ping no-resolve yes count 10 size 72 do-not-fragment yes source 198.51.100.1 host 198.51.100.2");
  CHECK(typed("nokia_srlinux", line("198.51.100.2")) ==
        "ping 198.51.100.2 network-instance default -c 5 -W 2");  // what stands there without a wish
  config::Line sized = line("198.51.100.2");
  sized.size = 84;
  CHECK(typed("alcatel_aos", sized) == "ping 198.51.100.2 count 5 size 64 timeout 2");  // the ICMP message
  sized.source = "outside";
  CHECK(typed("cisco_asa", sized) == "ping outside 198.51.100.2 repeat 5 size 84 timeout 2");
}

TEST_CASE("wishes that are commands of their own are typed first, and only those wished") {
  config::Line wished = line("198.51.100.2");
  CHECK(typed("fortinet_fortios", wished) ==
        "execute ping-options reset; execute ping-options repeat-count 5; execute ping-options timeout 2; "
        "execute ping 198.51.100.2");
  wished.size = 100;
  wished.source = "198.51.100.1";
  wished.df = true;
  CHECK(typed("fortinet_fortios", wished) ==
        "execute ping-options reset; execute ping-options repeat-count 5; execute ping-options timeout 2; "
        "execute ping-options data-size 72; execute ping-options source 198.51.100.1; "
        "execute ping-options df-bit yes; execute ping 198.51.100.2");
}

TEST_CASE("a session without rights types what it may, or says what it may not") {
  const auto ios = test::platform("cisco_iosxe");
  config::Line wished = line("198.51.100.2");
  wished.vrf = "CUST-A";
  CHECK(render_ping(wished, *ios, wished.target, false)->back() == "ping vrf CUST-A 198.51.100.2");
  wished.df = true;
  CHECK(render_ping(wished, *ios, wished.target, false).error() ==
        "a session of cisco_iosxe without 'enable' cannot say do-not-fragment (its credential needs an "
        "enable_password)");
  const auto linux = test::platform("linux");
  CHECK(render_ping(wished, *linux, wished.target, false) == render_ping(wished, *linux, wished.target));
}

TEST_CASE("IPv6 has its own words, and its headers are 48 octets") {
  const config::Line wished = everything("2001:db8::2", "2001:db8::1");
  CHECK(typed("cisco_iosxe", wished) ==
        "ping vrf CUST-A ipv6 2001:db8::2 repeat 10 size 100 timeout 3 source 2001:db8::1");
  CHECK(typed("huawei_vrp", wished) ==
        "ping ipv6 vpn-instance CUST-A -c 10 -t 3000 -s 52 -a 2001:db8::1 2001:db8::2");
  CHECK(typed("h3c_comware", wished) ==
        "ping ipv6 -vpn-instance CUST-A -c 10 -t 3000 -s 52 -a 2001:db8::1 2001:db8::2");
  CHECK(typed("linux", wished) ==
        "ip vrf exec CUST-A ping -6 -n -c 10 -W 3 -s 52 -I 2001:db8::1 2001:db8::2");
  CHECK(typed("frr", line("2001:db8::2")) == "ping ipv6 2001:db8::2");
  config::Line name = line("far.example.net");
  name.family = 6;
  CHECK(typed("cisco_iosxe", name) == "ping ipv6 far.example.net repeat 5 timeout 2");
}

TEST_CASE("a source may be an interface") {
  config::Line wished = line("198.51.100.2");
  wished.source = "GigabitEthernet0/0/1";
  CHECK(typed("cisco_iosxe", wished) == "ping 198.51.100.2 repeat 5 timeout 2 source GigabitEthernet0/0/1");
  CHECK(typed("huawei_vrp", wished) == "ping -c 5 -t 2000 -i GigabitEthernet0/0/1 198.51.100.2");
  wished.target = "2001:db8::2";
  CHECK(typed("huawei_vrp", wished) == "ping ipv6 -c 5 -t 2000 2001:db8::2 -i GigabitEthernet0/0/1");
  wished.target = "198.51.100.2";
  wished.source = "eth0.100";
  CHECK(typed("linux", wished) == "ping -4 -n -c 5 -W 2 -I eth0.100 198.51.100.2");
  wished.source = "100GE1/0/1";
  CHECK(typed("huawei_vrp", wished) == "ping -c 5 -t 2000 -i 100GE1/0/1 198.51.100.2");
}

TEST_CASE("what a platform cannot say is an error, never rounded or left out") {
  config::Line wished = line("198.51.100.2");
  wished.timeout = 1500ms;
  CHECK(typed("cisco_iosxe", wished) ==
        "error: timeout 1s500ms has a fraction of a second, which the platform cannot say");
  CHECK(typed("huawei_vrp", wished) == "ping -c 5 -t 1500 198.51.100.2");
  CHECK(typed("linux", wished) == "ping -4 -n -c 5 -W 1.5 198.51.100.2");
  CHECK(typed("frr", wished) == "ping 198.51.100.2");  // the agent imposes it
  wished = line("198.51.100.2");
  wished.size = 20;
  CHECK(typed("linux", wished) == "error: size 20 is less than the headers' 28");
  wished.size = 30000;
  CHECK(typed("cisco_iosxe", wished) == "error: size 30000 is outside 36..18024");
  for (const auto wish : {0, 1, 2, 3, 4}) {
    wished = line("198.51.100.2");
    if (wish == 0) wished.size = 100;
    if (wish == 1) wished.source = "198.51.100.1";
    if (wish == 2) wished.vrf = "CUST-A";
    if (wish == 3) wished.df = true;
    if (wish == 4) wished.dscp = 10;
    INFO(wish);
    CHECK(typed("frr", wished).starts_with("error: frr cannot say "));
  }
  wished = line("2001:db8::2");
  wished.df = true;
  CHECK(typed("cisco_iosxe", wished) == "error: cisco_iosxe cannot say do-not-fragment");
  wished = line("2001:db8::2");
  wished.source = "198.51.100.1";
  CHECK(typed("cisco_iosxe", wished) == "error: source 198.51.100.1 and target are of different families");
}

TEST_CASE("nothing but an address, a name, an interface or a VRF gets on a command line") {
  for (const std::string& name : config::builtin_platforms().names()) {
    const auto platform = test::platform(name);
    const config::Line plain = line("198.51.100.2");
    for (const char* target :
         {"198.51.100.2; reload", "$(reboot)", "-f", "a b", "", "192.0.2.1\nreload", "{vrf}"}) {
      INFO(name << " " << target);
      CHECK_FALSE(render_ping(plain, *platform, target).has_value());
    }
    config::Line wished = plain;
    for (const char* source : {"eth0 -f", "eth0;reboot", "Gi0/1 repeat 9", "Gi0/1 ", "a\nb", "`id`"}) {
      wished.source = source;
      INFO(name << " " << source);
      CHECK_FALSE(render_ping(wished, *platform, "198.51.100.2").has_value());
    }
    wished = plain;
    for (const char* vrf : {"A B", "A;B", "-x", "A\n", "$A"}) {
      wished.vrf = vrf;
      INFO(name << " " << vrf);
      CHECK_FALSE(render_ping(wished, *platform, "198.51.100.2").has_value());
    }
  }
}
