#include "agent/text_table.hpp"

#include <doctest/doctest.h>

#include "config/counted.hpp"

using namespace linewatch;
using namespace linewatch::agent;

TEST_CASE("columns are as wide as their contents, numbers stand to the right") {
  TextTable table({"NAME", ">COUNT"});
  table.row({"a", "1000000"});
  table.row({"M\xc3\xbcnchen", "1"});
  table.note("why");
  CHECK(table.text() == "NAME       COUNT\na        1000000\nM\xc3\xbcnchen        1\n    why\n");
}

TEST_CASE("sentences are wrapped between words, long words stay whole") {
  const std::string word(60, 'x');
  CHECK(wrapped(word + " " + word, 2) == "  " + word + "\n  " + word + "\n");
  CHECK(wrapped("a b", 4) == "    a b\n");
  CHECK(wrapped("", 4).empty());
  const std::string path(200, 'p');
  CHECK(wrapped("see " + path, 0) == "see\n" + path + "\n");
}

TEST_CASE("times have two units at most") {
  CHECK(short_time(-1) == "0s");
  CHECK(short_time(41.6) == "42s");
  CHECK(short_time(192) == "3m12s");
  CHECK(short_time(2 * 3600 + 5 * 60 + 59) == "2h5m");
  CHECK(short_time(3 * 86400 + 4 * 3600 + 1800) == "3d4h");
  CHECK(config::counted(1, "line") == "1 line");
  CHECK(config::counted(0, "line") == "0 lines");
}
