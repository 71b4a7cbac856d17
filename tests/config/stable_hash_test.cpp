#include "config/stable_hash.hpp"

#include <doctest/doctest.h>

#include "config/settings.hpp"

using namespace linewatch::config;

TEST_CASE("stable_hash is FNV-1a: phases and shards are the same on every machine") {
  CHECK(stable_hash("") == 14695981039346656037ULL);
  CHECK(stable_hash("a") == 0xaf63dc4c8601ec8cULL);
}

TEST_CASE("each router is of one shard, and shards are of like size, whatever the names count by") {
  for (const int step : {1, 2, 10}) {
    for (const int of : {1, 2, 3, 5, 8}) {
      std::vector<int> routers(static_cast<std::size_t>(of));
      for (int i = 0; i < 2000; ++i) {
        const std::string name = "edge-" + std::to_string(i * step);
        int holders = 0;
        for (int index = 1; index <= of; ++index) {
          if (!Shard{index, of}.holds(name)) continue;
          ++holders;
          ++routers[static_cast<std::size_t>(index - 1)];
        }
        CHECK(holders == 1);
      }
      for (const int count : routers) {
        CHECK(count > 2000 / of * 8 / 10);
        CHECK(count < 2000 / of * 12 / 10 + 1);
      }
    }
  }
  CHECK(Shard{2, 5}.holds("bj-edge-1") == Shard{2, 5}.holds("bj-edge-1"));
}
