#pragma once
// One run's values for Zabbix, all on one host and with one clock and ns: the unit that is kept, sent or
// dropped.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace linewatch::aggregator {

struct Item {
  std::string key, text;
};

struct Record {
  std::string host;
  std::string line;         // its id; empty: the router's or the agent's own
  bool turn = false;        // what a turn of that line came to
  std::int64_t clock = 0;   // Unix seconds, not negative
  std::int32_t ns = 0;      // 0..999999999
  std::vector<Item> items;  // in the order to be sent
  // Held back until then: Zabbix makes the items only now. The epoch: not held.
  std::chrono::system_clock::time_point not_before{};
};

}  // namespace linewatch::aggregator
