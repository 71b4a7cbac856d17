#include "config/address.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace linewatch::config;

TEST_CASE("IPv4 addresses are strict") {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "8.8.8.8"}) {
    INFO(text);
    CHECK(is_ipv4(text));
  }
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "1.2.3.4 ", " 1.2.3.4", "1..2.3", "1.2.3.",
        "0x1.2.3.4", "1.2.3.4; reload", "+1.2.3.4", "1.2.3.-4", "::1"}) {
    INFO(text);
    CHECK_FALSE(is_ipv4(text));
  }
}

TEST_CASE("IPv6 addresses have neither zone nor brackets") {
  for (const char* text : {"::", "::1", "2001:db8::1", "fe80::1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"}) {
    INFO(text);
    CHECK(is_ipv6(text));
  }
  for (const char* text : {"", ":", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "[::1]", "::1 ",
                           "2001:db8::1::", "12345::", "192.0.2.1"}) {
    INFO(text);
    CHECK_FALSE(is_ipv6(text));
  }
  CHECK_FALSE(is_ipv6(std::string_view("::1\0x", 5)));
}

TEST_CASE("host names are labels, and a mistyped address is none") {
  const std::string label63(63, 'a'), label64(64, 'a');
  for (const std::string& text : {std::string("a"), std::string("core-1.example.net"), std::string("HQ_edge"),
                                  std::string("4g.example"), label63, std::string("xn--fiqs8s")}) {
    INFO(text);
    CHECK(is_host_name(text));
  }
  for (const std::string& text :
       {std::string(), std::string("1.2.3"), std::string("256.1.1.1"), std::string("a..b"), std::string("a."),
        std::string("-a"), std::string("a-"), std::string("a b"), std::string("8.8.8.8; reload"),
        std::string("a\n"), std::string("a|b"), std::string("a`b"), std::string("münchen"), label64,
        std::string(254, 'a')}) {
    INFO(text);
    CHECK_FALSE(is_host_name(text));
  }
}

TEST_CASE("interface and VRF names") {
  for (const char* text : {"Loopback0", "GigabitEthernet 0/0/1", "ge-0/0/0.100", "Eth-Trunk1", "lo",
                           "Te1/1:2", "a_b", "100GE1/0/1"}) {
    INFO(text);
    CHECK(is_interface_name(text));
  }
  for (const char* text : {"", "0/0/1", "8.8.8.8", "Gi 0  1", "Loopback0 repeat 9", "Gi 0 1", "Gi0 1", "a b",
                           "Gi ", " Gi", "Gi0;reload", "Gi0\n", "Gi0 | x", "Gi0?", "-i"}) {
    INFO(text);
    CHECK_FALSE(is_interface_name(text));
  }
  CHECK_FALSE(is_interface_name(std::string(65, 'a')));
  for (const char* text : {"CUST-A", "100", "0012", "_x", "vpn.a:b"}) {
    INFO(text);
    CHECK(is_vrf_name(text));
  }
  for (const char* text : {"", "-a", "a b", "a;b", "a\n", "a/b", "a?"}) {
    INFO(text);
    CHECK_FALSE(is_vrf_name(text));
  }
  CHECK_FALSE(is_vrf_name(std::string(65, 'a')));
}
