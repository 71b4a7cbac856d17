#include <doctest/doctest.h>

#include "aggregator/items.hpp"
#include "aggregator/text.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;

namespace {

TaskResult result(const char* line) {
  TaskResult out;
  out.task = "bgp";
  out.zabbix_host = "edge-1";
  out.line = line;
  out.values = {{"up", "bgp.peers[up]", "2"}, {"mem", "bgp.mem", "4096"}};
  out.clock = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'250));
  return out;
}

}  // namespace

TEST_CASE("a task's values go to the keys that the configuration says, with one clock") {
  for (const auto layout : {config::Layout::discovery, config::Layout::per_line}) {
    const Record record = ItemMapper(layout).map(result(""));
    CHECK(record.host == "edge-1");
    CHECK(record.clock == 1'700'000'000);
    CHECK(record.ns == 250'000'000);
    REQUIRE(record.items.size() == 2);
    CHECK(record.items[0].key == "bgp.peers[up]");
    CHECK(record.items[0].text == "2");
    CHECK(record.items[1].key == "bgp.mem");
  }
}

TEST_CASE("a line's values carry its id where its host has other lines too") {
  const Record together = ItemMapper(config::Layout::discovery).map(result("L-1"));
  CHECK(together.items[0].key == "bgp.peers[L-1,up]");
  CHECK(together.items[1].key == "bgp.mem[L-1]");
  const Record alone = ItemMapper(config::Layout::per_line).map(result("L-1"));
  CHECK(alone.items[0].key == "bgp.peers[up]");
}

TEST_CASE("a text is cut where Zabbix would, and holds only what it takes") {
  TaskResult trace = result("L-1");
  trace.values = {{"trace", "line.trace", "\xff" + std::string(100'000, 'x')}};
  const Record record = ItemMapper(config::Layout::discovery).map(trace);
  CHECK(record.items[0].key == "line.trace[L-1]");
  CHECK(record.items[0].text.size() <= max_text);
  CHECK(record.items[0].text.starts_with("\xEF\xBF\xBDx"));
}

TEST_CASE("a line with a host of its own has plain keys in either layout") {
  TaskResult own = result("L-1");
  own.own_host = true;
  CHECK(ItemMapper(config::Layout::discovery).map(own).items[0].key == "bgp.peers[up]");
}
