#pragma once
// One run's values for Zabbix, all on one host and with one clock and ns: the unit that is kept, sent or
// dropped.

#include <cstdint>
#include <string>
#include <vector>

namespace linewatch::aggregator {

struct Item {
  std::string key, text;
};

struct Record {
  std::string host;
  std::int64_t clock = 0;   // Unix seconds, not negative
  std::int32_t ns = 0;      // 0..999999999
  std::vector<Item> items;  // in the order to be sent
};

}  // namespace linewatch::aggregator
