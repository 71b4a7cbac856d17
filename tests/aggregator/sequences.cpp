#include "aggregator/sequences.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace linewatch::aggregator;

TEST_CASE("ranges that touch become one, and parts are taken out of them") {
  Sequences set;
  set.insert({5, 8});
  set.insert({1, 3});
  set.insert({3, 5});
  CHECK(set.ranges() == std::vector<Range>{{1, 8}});
  set.erase({2, 4});
  CHECK(set.text(10) == "1-1,4-7");
  CHECK(set.ranges_below(6) == std::vector<Range>{{1, 2}, {4, 6}});
}

TEST_CASE("a set behaves as one of single numbers does, over random operations") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Sequences set;
    std::set<Sequence> model;
    for (int step = 0; step < 60; ++step) {
      const Sequence first = random() % 50, last = first + random() % 12;
      if (random() % 2 == 0) {
        set.insert({first, last});
        for (Sequence one = first; one < last; ++one) model.insert(one);
      } else {
        set.erase({first, last});
        for (Sequence one = first; one < last; ++one) model.erase(one);
      }
      for (Sequence one = 0; one < 70; ++one) {
        REQUIRE(set.contains(one) == model.contains(one));
        const auto above = model.lower_bound(one);
        REQUIRE(set.at_least(one) == (above == model.end() ? std::nullopt : std::optional(*above)));
      }
      REQUIRE(set.first() == (model.empty() ? std::nullopt : std::optional(*model.begin())));
      REQUIRE(set.last() == (model.empty() ? std::nullopt : std::optional(*model.rbegin())));
      REQUIRE(Sequences::parse(set.text(1000)) == set);
    }
  }
}

TEST_CASE("a text of few ranges holds all that is in the set, and closes the narrowest gaps") {
  Sequences set;
  for (const Range range : {Range{1, 2}, Range{4, 5}, Range{100, 110}, Range{111, 112}}) set.insert(range);
  CHECK(set.text(4) == "1-1,4-4,100-109,111-111");
  CHECK(set.text(3) == "1-1,4-4,100-111");
  CHECK(set.text(1) == "1-111");
}

TEST_CASE("texts that are no set are told apart") {
  for (const char* text : {"x", "1", "1-", "2-1", "1-2,", "1-2;3-4", "-1-2", "1-18446744073709551615"}) {
    CAPTURE(text);
    CHECK(!Sequences::parse(text));
  }
  CHECK(Sequences::parse("")->empty());
}
