#include "connection/spell.hpp"

#include <doctest/doctest.h>

using namespace linewatch::connection;
using namespace std::chrono_literals;

TEST_CASE("a trouble is said when it begins, and with its number when it has been quiet for a while") {
  const TimePoint start{};
  Spell spell;
  CHECK_FALSE(spell.ended(start));
  CHECK(spell.add(start));
  CHECK_FALSE(spell.add(start + 4min));
  CHECK_FALSE(spell.ended(start + 8min));
  CHECK(spell.ended(start + 9min) == 2);
  CHECK_FALSE(spell.ended(start + 10min));
  CHECK(spell.add(start + 20min));
}
