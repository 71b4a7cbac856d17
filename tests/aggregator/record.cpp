#include "aggregator/record.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace linewatch::aggregator;

TEST_CASE("a record comes back from its octets as it was") {
  Record record;
  record.host = "bj-edge-1";
  record.clock = 1'700'000'000;
  record.ns = 999'999'999;
  record.items = {{"line.status[L-1]", "1"}, {"line.error[L-1]", ""}, {"long", std::string(70'000, 'x')}};
  const auto back = decode(encode(record));
  REQUIRE(back);
  CHECK(back->host == record.host);
  CHECK(back->clock == record.clock);
  CHECK(back->ns == record.ns);
  REQUIRE(back->items.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(back->items[i].key == record.items[i].key);
    CHECK(back->items[i].text == record.items[i].text);
  }
}

TEST_CASE("octets that are no record are told apart, cut anywhere or changed") {
  Record record;
  record.host = "h";
  record.clock = 1;
  record.items = {{"a", "b"}, {"c", "d"}};
  const std::string octets = encode(record);
  for (std::size_t length = 0; length < octets.size(); ++length) CHECK(!decode(octets.substr(0, length)));
  CHECK(!decode(octets + "x"));
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string other = octets;
    other[random() % other.size()] = static_cast<char>(random());
    const auto some = decode(other);  // no more memory than there are octets
    std::size_t read = 0;
    for (const Item& item : some ? some->items : Items()) read += item.key.size() + item.text.size();
    CHECK(read < octets.size());
  }
}
