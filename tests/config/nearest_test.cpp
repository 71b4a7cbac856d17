#include "config/nearest.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace linewatch::config;

TEST_CASE("edit distance counts slips, a swap as one") {
  CHECK(edit_distance("conut", "count", 3) == 1);
  CHECK(edit_distance("count", "count", 3) == 0);
  CHECK(edit_distance("Max-Connections", "max_connections", 3) == 0);
  CHECK(edit_distance("", "abc", 3) == 3);
  CHECK(edit_distance("kitten", "sitting", 3) == 3);
  CHECK(edit_distance("kitten", "sitting", 2) == 3);
  CHECK(edit_distance("a", "abcdefgh", 3) == 4);
}

TEST_CASE("only a near name is suggested") {
  constexpr std::array<std::string_view, 4> known{"count", "timeout", "interval", "df"};
  CHECK(nearest("conut", known) == "count");
  CHECK(nearest("timeuot", known) == "timeout");
  CHECK(nearest("intervall", known) == "interval");
  CHECK_FALSE(nearest("colour", known));
  CHECK_FALSE(nearest("zz", known));
  CHECK_FALSE(nearest("", known));
}

TEST_CASE("a name of which a word is said is nearer than one that only looks alike") {
  constexpr std::array<std::string_view, 5> known{"aos", "arista_eos", "cisco_ios", "cisco_iosxe",
                                                  "routeros"};
  CHECK(nearest("eos", known) == "arista_eos");
  CHECK(nearest("IOSXE", known) == "cisco_iosxe");
}
