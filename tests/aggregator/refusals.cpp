#include "aggregator/refusals.hpp"

#include <algorithm>
#include <set>

#include "tests/aggregator/world.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace linewatch::aggregator::test;
using nlohmann::json;

namespace {

using Names = std::set<std::string>;

// A server that refuses some items, and the values that inquiries sent it.
struct Refusing {
  Names refused;
  int inquiries = 0;

  json answer(const json& request) {
    if (!request.contains("session")) ++inquiries;
    std::size_t failed = 0;
    for (const auto& value : request["data"])
      failed += refused.contains(value["host"].get<std::string>() + " " + value["key"].get<std::string>());
    const std::size_t total = request["data"].size();
    return {{"response", "success"},
            {"info", "processed: " + std::to_string(total - failed) + "; failed: " + std::to_string(failed) +
                         "; total: " + std::to_string(total) + "; seconds spent: 0.000100"}};
  }
};

Row row_of(const std::string& host, int items) {
  auto record = std::make_shared<Record>();
  record->host = host;
  for (int i = 0; i < items; ++i) record->items.push_back({"k" + std::to_string(i), "v"});
  return {1, record};
}

// Asks `server` until it knows.
Names ask(Refusals& refusals, const Names& refused, int& probes) {
  Names found;
  for (probes = 0; refusals.asking() && probes < 1000; ++probes) {
    std::uint64_t processed = 0;
    for (const auto& value : refusals.probe())
      processed += refused.contains(value.record->host + " " + value.record->items[value.item].key) ? 0U : 1U;
    refusals.probed(processed);
  }
  for (const auto& finding : refusals.take_findings())
    if (finding.refused) found.insert(finding.host + " " + finding.key);
  return found;
}

const connection::TimePoint begin{100h};

}  // namespace

TEST_CASE("the refused items of a packet are found by halves") {
  std::vector<Row> rows;
  for (int host = 0; host < 32; ++host) rows.push_back(row_of("h" + std::to_string(host), 8));
  for (const Names& refused :
       {Names{"h3 k1"}, Names{"h0 k0", "h31 k7"}, Names{"h4 k0", "h4 k1", "h4 k2", "h4 k3"}}) {
    Refusals refusals;
    refusals.answered(rows, refused.size(), false, begin);
    int probes = 0;
    CHECK(ask(refusals, refused, probes) == refused);
    CHECK(probes <= 2 * 9 * static_cast<int>(refused.size()));
    CHECK(refusals.count() == refused.size());
  }
}

TEST_CASE("a packet that is refused as a whole takes one question") {
  Refusals refusals;
  refusals.answered({row_of("h", 8)}, 8, false, begin);
  int probes = 0;
  Names all;
  for (int i = 0; i < 8; ++i) all.insert("h k" + std::to_string(i));
  CHECK(ask(refusals, all, probes) == all);
  CHECK(probes == 1);
}

TEST_CASE("what is known explains refused values for an hour, then it is looked at again") {
  Refusals refusals;
  const std::vector<Row> rows{row_of("h", 4)};
  int probes = 0;
  refusals.answered(rows, 1, false, begin);
  CHECK(ask(refusals, {"h k2"}, probes) == Names{"h k2"});
  refusals.answered(rows, 1, false, begin + 30min);
  CHECK(!refusals.asking());
  refusals.answered(rows, 2, false, begin + 40min);  // one more
  CHECK(ask(refusals, {"h k2", "h k3"}, probes) == Names{"h k3"});
  refusals.answered(rows, 2, false, begin + 61min);
  CHECK(refusals.asking());
  CHECK(ask(refusals, {"h k3"}, probes) == Names{});  // k2 is well, and nothing is said twice
  CHECK(refusals.count() == 1);
}

TEST_CASE("an item is well again when its packet is taken as a whole, and that is said once") {
  Refusals refusals;
  const std::vector<Row> rows{row_of("h", 4)};
  int probes = 0;
  refusals.answered(rows, 1, false, begin);
  ask(refusals, {"h k2"}, probes);
  refusals.answered(rows, 0, false, begin + 1min);
  const auto findings = refusals.take_findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].key == "k2");
  CHECK(!findings[0].refused);
  refusals.answered(rows, 0, false, begin + 2min);
  CHECK(refusals.take_findings().empty());
}

TEST_CASE("for a proxy group each question holds one host's values") {
  Refusals refusals;
  refusals.answered({row_of("a", 3), row_of("b", 3), row_of("a", 1)}, 1, true, begin);
  while (refusals.asking()) {
    Names hosts;
    for (const auto& value : refusals.probe()) hosts.insert(value.record->host);
    CHECK(hosts.size() == 1);
    refusals.probed(refusals.probe().size());
  }
}

TEST_CASE("refused items are named once, stand in the statistics, and are said when they are well") {
  World world;
  Refusing zabbix{{"h line.status[L3]", "h line.status[L7]"}};
  StandIn& server = world.serve();
  server.reply = [&](const json& request) { return std::optional(zabbix.answer(request)); };
  world.destination({server.node()});
  world.start();
  world.submit(10);
  world.run([](World& w) -> connection::Awaitable<void> {
    const Predicate found = [&w] { return w.figures().refused_items == 2; };
    co_await until(w, found);
    w.lines = 0;
    w.submit(10);  // the same again
    co_await settled(w);
    w.servers[0]->reply = nullptr;
    w.lines = 0;
    w.submit(10);
    const Predicate well = [&w] { return w.figures().refused_items == 0; };
    co_await until(w, well);
    co_await drain(w, 60s);
  });
  CHECK(world.figures().failed == 4);
  CHECK(world.said("refuses the values of an item destination=127.0.0.1") == 2);
  CHECK(world.said("host=h key=\"line.status[L3]\"") == 2);
  CHECK(world.said("takes the values of an item again") == 2);
  CHECK(zabbix.inquiries < 25);
}
