#include "config/duration.hpp"

#include <doctest/doctest.h>

using namespace linewatch::config;
using namespace std::chrono_literals;

TEST_CASE("durations are read as operators write them") {
  struct {
    const char* text;
    Duration want;
  } const table[] = {{"500ms", 500ms},
                     {"30s", 30s},
                     {"3m30s", 210s},
                     {"7d", 168h},
                     {"0s", 0s},
                     {"1h30m", 90min},
                     {"1d2h3m4s5ms", 93784005ms},
                     {"90s", 90s},
                     {"1m500ms", 60500ms},
                     {"3650d", 87600h}};
  for (const auto& row : table) {
    INFO(row.text);
    REQUIRE(parse_duration(row.text));
    CHECK(*parse_duration(row.text) == row.want);
  }
}

TEST_CASE("a duration is refused with what to write") {
  struct {
    const char* text;
    const char* want;
  } const table[] = {
      {"30", "a number without a unit (write 30s or 30m)"},
      {"0", "a number without a unit (write 0s or 0m)"},
      {"", "'' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"1.5s", "'1.5s' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"-5s", "'-5s' is negative (write one like 30s)"},
      {"30s3m", "'30s3m' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"5s5s", "'5s5s' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"1w", "'1w' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"5 s", "'5 s' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"3m30", "'3m30' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"5S", "'5S' is no duration (write one like 500ms, 30s, 3m30s or 7d)"},
      {"3651d", "'3651d' is longer than 3650d"},
      {"3650d1ms", "'3650d1ms' is longer than 3650d"},
      {"99999999999999999999999s", "'99999999999999999999999s' is longer than 3650d"},
  };
  for (const auto& row : table) {
    INFO(row.text);
    REQUIRE_FALSE(parse_duration(row.text));
    CHECK(parse_duration(row.text).error() == row.want);
  }
}

TEST_CASE("what is formatted reads back") {
  for (const Duration d : {Duration(0ms), Duration(1ms), Duration(999ms), Duration(1s), Duration(210s),
                           Duration(86400s), Duration(93784005ms)}) {
    CHECK(parse_duration(format_duration(d)) == d);
  }
  CHECK(format_duration(210s) == "3m30s");
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(-5s) == "0s");
}

TEST_CASE("sizes have binary units, and nothing is guessed") {
  CHECK(parse_size("64KiB") == 65536u);
  CHECK(parse_size("1GiB") == 1u << 30);
  CHECK(parse_size("0B") == 0u);
  CHECK(parse_size("3TiB") == 3ULL << 40);
  CHECK(parse_size("0") == 0);
  CHECK(parse_size("100").error() == "a number without a unit (write 100MiB or 100B)");
  for (const char* text : {"", "KiB", "64KB", "64k", "64kib", "1.5GiB", "-1B", "1 GiB", "1GiB1B"}) {
    INFO(text);
    REQUIRE_FALSE(parse_size(text));
    CHECK(parse_size(text).error().ends_with("(write one like 512B, 64KiB, 100MiB or 1GiB)"));
  }
  CHECK(parse_size("9223372036854775807TiB").error() == "'9223372036854775807TiB' is too large");
  CHECK(parse_size("99999999999999999999B").error() == "'99999999999999999999B' is too large");
}
