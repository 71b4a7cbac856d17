#include "config/platform_traceroute.hpp"

#include <doctest/doctest.h>

#include <string>

#include "config/loader.hpp"
#include "config/platform_loader.hpp"

using namespace linewatch;

namespace {

// The problems of a profile that says this under traceroute, from line 6 on; `platforms` has it afterwards.
std::string problems_of(const std::string& traceroute, config::Platforms& platforms) {
  const std::string profile =
      "extends: huawei_vrp\nname: acme\naliases: []\ndescription: x\ntraceroute:\n" + traceroute;
  config::Problems problems;
  config::load_profiles({{"acme.yaml", profile, "acme.yaml"}}, platforms, problems);
  std::string out;
  for (const config::Problem& problem : problems) out += problem.format() + "\n";
  return out;
}

std::string problems_of(const std::string& traceroute) {
  config::Platforms platforms = config::builtin_platforms();
  return problems_of(traceroute, platforms);
}

}  // namespace

TEST_CASE("what is wrong with a profile's traceroute is said where it stands") {
  CHECK(problems_of("  ipv4: 'trace {tarjet}'\n") ==
        "acme.yaml:6:9: error: traceroute.ipv4: no place {tarjet} is known (did you mean 'target'?)\n");
  CHECK(problems_of("  ipv4: 'trace'\n") == "acme.yaml:6:9: error: traceroute.ipv4: must hold {target}\n");
  CHECK(problems_of("  ipv4: 'trace {target'\n") ==
        "acme.yaml:6:9: error: traceroute.ipv4: a '{' without its '}'\n");
  CHECK(problems_of("  ipv4: \"trace {target}\\rreload\"\n") ==
        "acme.yaml:6:9: error: traceroute.ipv4: a command is one line of 1 to 400 octets without control "
        "characters\n");
  CHECK(problems_of("  options: {vrf: ' vrf', sourc: ' source {value}'}\n") ==
        "acme.yaml:6:18: error: traceroute.options.vrf: must be one line that holds {value}, as ' vrf "
        "{value}'\n"
        "acme.yaml:6:26: error: traceroute.options.sourc: unknown key 'sourc' (did you mean 'source'?)\n");
  CHECK(problems_of("  ipv5: x\n") ==
        "acme.yaml:6:3: error: traceroute.ipv5: unknown key 'ipv5' (did you mean 'ipv4'?)\n");
}

TEST_CASE("a profile lays its traceroute over the one it extends, and null takes away") {
  config::Platforms platforms = config::builtin_platforms();
  CHECK(problems_of("  ipv6: null\n  options: {source: null, vrf: ' in {value}'}\n", platforms) == "");
  const auto& traceroute = platforms.find("acme")->traceroute;
  CHECK(traceroute.command("198.51.100.2", false, "", "A") == "tracert in A -m 30 -q 1 -w 1000 198.51.100.2");
  CHECK(traceroute.command("198.51.100.2", false, "198.51.100.1", "").error() ==
        "cannot say the source '198.51.100.1' in a traceroute");
  CHECK(traceroute.command("2001:db8::2", true, "", "").error() ==
        "cannot say an IPv6 target in a traceroute");
}

TEST_CASE("every built-in traceroute is typed with what the line says") {
  const auto command = [](const char* platform, std::string_view target, bool six, std::string_view source,
                          std::string_view vrf) {
    return config::builtin_platforms().find(platform)->traceroute.command(target, six, source, vrf);
  };
  CHECK(command("cisco_iosxe", "198.51.100.2", false, "198.51.100.1", "A") ==
        "traceroute vrf A 198.51.100.2 source 198.51.100.1 numeric timeout 1 probe 1 ttl 1 30");
  CHECK(command("cisco_iosxe", "2001:db8::2", true, "", "") ==
        "traceroute ipv6 2001:db8::2 numeric timeout 1 probe 1 ttl 1 30");
  CHECK(command("huawei_vrp", "198.51.100.2", false, "198.51.100.1", "A") ==
        "tracert -vpn-instance A -a 198.51.100.1 -m 30 -q 1 -w 1000 198.51.100.2");
  CHECK(command("huawei_vrp", "2001:db8::2", true, "", "A") ==
        "tracert ipv6 vpn-instance A -m 30 -q 1 -w 1000 2001:db8::2");
  CHECK(command("h3c_comware", "198.51.100.2", false, "198.51.100.1", "A") ==
        "tracert -a 198.51.100.1 -m 30 -q 1 -vpn-instance A -w 1000 198.51.100.2");
  CHECK(command("linux", "far.example", false, "eth0", "A") ==
        "ip vrf exec A traceroute -4 -n -q 1 -w 1 -m 30 -i eth0 far.example");
  CHECK(command("cisco_iosxr", "198.51.100.2", false, "198.51.100.1", "A") ==
        "traceroute vrf A 198.51.100.2 source 198.51.100.1 numeric timeout 1 probe 1 maxttl 30");
  CHECK(command("cisco_iosxr", "2001:db8::2", true, "", "") ==
        "traceroute 2001:db8::2 numeric timeout 1 probe 1 maxttl 30");
  CHECK(command("cisco_nxos", "2001:db8::2", true, "Ethernet1/1", "A") ==
        "traceroute6 2001:db8::2 vrf A source-interface Ethernet1/1");
  CHECK(command("arista_eos", "2001:db8::2", true, "2001:db8::1", "A") ==
        "traceroute vrf A ipv6 2001:db8::2 source 2001:db8::1");
  CHECK(command("juniper_junos", "198.51.100.2", false, "ge-0/0/1.0", "A") ==
        "traceroute 198.51.100.2 inet no-resolve wait 1 ttl 30 interface ge-0/0/1.0 routing-instance A");
  CHECK(command("nokia_sros", "198.51.100.2", false, "198.51.100.1", "A") ==
        "traceroute 198.51.100.2 ttl 30 wait 1000 source-address 198.51.100.1 router-instance \"A\"");
  CHECK(command("nokia_sros_classic", "198.51.100.2", false, "198.51.100.1", "A") ==
        "traceroute 198.51.100.2 ttl 30 wait 1000 no-dns source 198.51.100.1 router A");
  CHECK(command("mikrotik_routeros", "198.51.100.2", false, "198.51.100.1", "A") ==
        "/tool traceroute 198.51.100.2 count=1 max-hops=30 src-address=198.51.100.1 vrf=A");
  CHECK(command("fortinet_fortios", "2001:db8::2", true, "", "") == "execute tracert6 2001:db8::2");
  CHECK(command("vyos", "198.51.100.2", false, "", "") == "traceroute 198.51.100.2");
  CHECK(command("cumulus_linux", "198.51.100.2", false, "", "mgmt") ==
        "ip vrf exec mgmt traceroute -4 -n -q 1 -w 1 -m 30 198.51.100.2");
  CHECK(command("bsd", "2001:db8::2", true, "2001:db8::1", "3") ==
        "setfib -F 3 traceroute6 -n -q 1 -w 2 -m 30 -s 2001:db8::1 2001:db8::2");
  CHECK(command("checkpoint_gaia", "198.51.100.2", false, "", "") ==
        "traceroute -4 -n -q 1 -w 1 -m 30 198.51.100.2");
  CHECK(command("cisco_asa", "198.51.100.2", false, "outside", "") ==
        "traceroute 198.51.100.2 source outside numeric timeout 1 probe 1 ttl 1 30");
  CHECK(command("ruijie_rgos", "198.51.100.2", false, "", "A") ==
        "traceroute vrf A 198.51.100.2 probe 1 timeout 1 ttl 1 30");
  CHECK(command("ruckus_fastiron", "198.51.100.2", false, "198.51.100.1", "") ==
        "traceroute 198.51.100.2 maxttl 30 numeric timeout 1 source-ip 198.51.100.1");
  CHECK(command("extreme_exos", "198.51.100.2", false, "198.51.100.1", "VR-Default") ==
        "traceroute vr VR-Default 198.51.100.2 from 198.51.100.1");
  CHECK(command("zte_zxros", "198.51.100.2", false, "", "").error() ==
        "cannot say an IPv4 target in a traceroute");
  CHECK(command("frr", "2001:db8::2", true, "", "") == "traceroute ipv6 2001:db8::2");
  CHECK(command("fortinet_fortios", "198.51.100.2", false, "", "A").error() ==
        "cannot say the VRF 'A' in a traceroute");
  CHECK(command("vyos", "198.51.100.2", false, "", "A").error() == "cannot say the VRF 'A' in a traceroute");
  CHECK(command("frr", "198.51.100.2", false, "", "A").error() == "cannot say the VRF 'A' in a traceroute");
  CHECK(command("linux", "198.51.100.2", false, "2001:db8::1", "").error() ==
        "cannot say the source '2001:db8::1' in a traceroute");
  CHECK_FALSE(command("linux", "x; reboot", false, "", ""));
}
