#include "aggregator/text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <locale>
#include <vector>

using namespace linewatch::aggregator;

TEST_CASE("decimals are the shortest, with a point and without an exponent") {
  struct Row {
    double value;
    const char* text;
  };
  const std::vector<Row> rows = {{0, "0"},
                                 {-0.0, "0"},
                                 {1, "1"},
                                 {20, "20"},
                                 {100, "100"},
                                 {33.3333333, "33.333333"},
                                 {66.6666667, "66.666667"},
                                 {0.1, "0.1"},
                                 {0.000001, "0.000001"},
                                 {0.0000004, "0"},
                                 {-0.0000004, "0"},
                                 {1e15, "1000000000000000"},
                                 {0.012345, "0.012345"},
                                 {1.5e-3, "0.0015"},
                                 {-2.5, "-2.5"},
                                 {99.9999999, "100"}};
  for (const Row& row : rows) CHECK(decimal(row.value).value() == row.text);
  CHECK(decimal(std::numeric_limits<double>::max()).value().size() == 309);
}

TEST_CASE("what is no number has no decimal") {
  CHECK_FALSE(decimal(std::numeric_limits<double>::infinity()));
  CHECK_FALSE(decimal(std::numeric_limits<double>::quiet_NaN()));
}

TEST_CASE("texts become valid UTF-8 without NUL") {
  using namespace std::string_literals;
  const std::string bad(replacement);
  struct Row {
    std::string in, out;
  };
  const std::vector<Row> rows = {
      {"plain", "plain"},
      {"grün €𝄞", "grün €𝄞"},
      {"a\0b"s, "a" + bad + "b"},
      {"\xFF", bad},
      {"\xC0\x80", bad + bad},                      // overlong NUL
      {"\xE0\x80\x80", bad + bad + bad},            // overlong
      {"\xED\xA0\x80", bad + bad + bad},            // surrogate
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},  // beyond U+10FFFF
      {"\xE2\x82", bad + bad},                      // cut off
      {"x\x80y", "x" + bad + "y"},
  };
  for (const Row& row : rows) CHECK(valid_text(row.in) == row.out);
}

TEST_CASE("long texts are cut between characters") {
  CHECK(valid_text("aé", 2) == "a");
  CHECK(valid_text("aé", 3) == "aé");
  CHECK(valid_text(std::string(100'000, 'x')).size() == max_text);
  CHECK(valid_text(std::string(100'000, '\xFF')).size() <= max_text);
}

TEST_CASE("key parameters are quoted only where the syntax needs it") {
  CHECK(item_key("line.status", "L-1001") == "line.status[L-1001]");
  CHECK(item_key("line.status", "a.b:c_d-e") == "line.status[a.b:c_d-e]");
  CHECK(item_key("k", "") == "k[]");
  CHECK(item_key("k", "a,b") == R"(k["a,b"])");
  CHECK(item_key("k", "a]") == R"(k["a]"])");
  CHECK(item_key("k", "[a") == R"(k["[a"])");
  CHECK(item_key("k", " a") == R"(k[" a"])");
  CHECK(item_key("k", "\"a") == R"(k["\"a"])");
}
