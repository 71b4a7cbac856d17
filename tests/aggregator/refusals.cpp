#include "aggregator/refusals.hpp"

#include <algorithm>
#include <map>
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
  for (int i = 0; i < items; ++i) record->items.add("k" + std::to_string(i), "v");
  return {1, record};
}

// Asks `server` until it knows.
Names ask(Refusals& refusals, const Names& refused, int& probes) {
  Names found;
  for (probes = 0; refusals.asking() && probes < 1000; ++probes) {
    std::uint64_t processed = 0;
    for (const auto& value : refusals.probe())
      processed +=
          refused.contains(value.record->host + " " + std::string(value.record->items[value.item].key)) ? 0U
                                                                                                        : 1U;
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
    refusals.answered(rows, refused.size(), {}, begin);
    int probes = 0;
    CHECK(ask(refusals, refused, probes) == refused);
    CHECK(probes <= 2 * 9 * static_cast<int>(refused.size()));
    CHECK(refusals.count() == refused.size());
  }
}

TEST_CASE("a packet that is refused as a whole takes one question") {
  Refusals refusals;
  refusals.answered({row_of("h", 8)}, 8, {}, begin);
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
  refusals.answered(rows, 1, {}, begin);
  CHECK(ask(refusals, {"h k2"}, probes) == Names{"h k2"});
  refusals.answered(rows, 1, {}, begin + 30min);
  CHECK(!refusals.asking());
  refusals.answered(rows, 2, {}, begin + 40min);  // one more
  CHECK(ask(refusals, {"h k2", "h k3"}, probes) == Names{"h k3"});
  refusals.answered(rows, 2, {}, begin + 61min);
  CHECK(refusals.asking());
  CHECK(ask(refusals, {"h k3"}, probes) == Names{});  // k2 is well, and nothing is said twice
  CHECK(refusals.count() == 1);
}

TEST_CASE("an item is well again when its packet is taken as a whole, and that is said once") {
  Refusals refusals;
  const std::vector<Row> rows{row_of("h", 4)};
  int probes = 0;
  refusals.answered(rows, 1, {}, begin);
  ask(refusals, {"h k2"}, probes);
  refusals.answered(rows, 0, {}, begin + 1min);
  const auto findings = refusals.take_findings();
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].key == "k2");
  CHECK(!findings[0].refused);
  refusals.answered(rows, 0, {}, begin + 2min);
  CHECK(refusals.take_findings().empty());
}

TEST_CASE("for a proxy group each question holds one host's values") {
  Refusals refusals;
  refusals.answered({row_of("a", 3), row_of("b", 3), row_of("a", 1)}, 1, {.one_host = true}, begin);
  while (refusals.asking()) {
    Names hosts;
    for (const auto& value : refusals.probe()) hosts.insert(value.record->host);
    CHECK(hosts.size() == 1);
    refusals.probed(refusals.probe().size());
  }
}

TEST_CASE("where an inquiry ends early the next one goes on with the hosts that had no turn") {
  Refusals refusals;
  const std::vector<Row> rows{row_of("a", 2), row_of("b", 2), row_of("c", 2)};
  std::vector<std::string> asked;
  for (int inquiry = 0; inquiry < 4; ++inquiry) {
    refusals.answered(rows, 1, {.one_host = true}, begin + inquiry * Refusals::pause);
    REQUIRE(refusals.asking());
    asked.push_back(refusals.probe().front().record->host);
    refusals.probed(refusals.probe().size());
    refusals.give_up();
  }
  CHECK(asked == std::vector<std::string>{"c", "b", "a", "c"});
}

TEST_CASE("an item that is still refused is remembered though there is no time to look at it") {
  Refusals refusals;
  const std::vector<Row> rows{row_of("h", 2)};
  int probes = 0;
  refusals.answered(rows, 1, {}, begin);
  ask(refusals, {"h k1"}, probes);
  for (std::chrono::minutes later = 30min; later <= 6h; later += 30min) {
    refusals.answered(rows, 1, {.allowed = false}, begin + later);
    refusals.answered({row_of("other", 1)}, 1, {.allowed = false}, begin + later);
    CHECK(refusals.count() == 1);
  }
  for (std::chrono::minutes later = 6h; later <= 9h; later += 30min)
    refusals.answered({row_of("other", 1)}, 1, {.allowed = false}, begin + later);
  CHECK(refusals.count() == 0);
}

TEST_CASE("reasons are asked for once it is known which items they are, bounded, and again after an hour") {
  Refusals refusals;
  std::vector<Row> rows;
  Names all;
  for (int host = 0; host < 3; ++host) {
    rows.push_back(row_of("h" + std::to_string(host), 2));
    for (int item = 0; item < 2; ++item) all.insert("h" + std::to_string(host) + " k" + std::to_string(item));
  }
  CHECK(refusals.unexplained(9, 9, begin).empty());
  refusals.answered(rows, 6, {}, begin);
  REQUIRE(refusals.asking());
  CHECK(refusals.unexplained(9, 9, begin).empty());
  int probes = 0;
  ask(refusals, all, probes);
  CHECK(refusals.unexplained(9, 9, begin).size() == 6);
  CHECK(refusals.unexplained(9, 5, begin).size() == 5);
  const std::vector<RefusedItem> one_host = refusals.unexplained(1, 9, begin);
  REQUIRE(one_host.size() == 2);
  CHECK(one_host[0].host == one_host[1].host);
  RefusedItem item = one_host[0];
  item.reason = "the item is disabled";
  CHECK(refusals.explain(item, begin));
  CHECK(refusals.unexplained(9, 9, begin + 59min).size() == 5);
  CHECK(refusals.unexplained(9, 9, begin + 60min).size() == 6);
  CHECK_FALSE(refusals.explain(item, begin + 60min));  // no news
  const auto shown = refusals.some(9);
  CHECK(std::ranges::count(shown, "the item is disabled", &RefusedItem::reason) == 1);
  CHECK_FALSE(refusals.explain({"h9", "k0", {}, "no such host"}, begin));
  refusals.answered({row_of(item.host, 2)}, 0, {}, begin + 61min);  // all is well there
  CHECK_FALSE(refusals.explain(item, begin + 61min));
  CHECK(refusals.count() == 4);
}

TEST_CASE("a packet that newer ones followed begins no inquiry, but tells what is well") {
  Refusals refusals;
  refusals.answered({row_of("h", 4)}, 1, {.allowed = false}, begin);
  CHECK_FALSE(refusals.asking());
  refusals.answered({row_of("h", 4)}, 1, {}, begin);
  int probes = 0;
  ask(refusals, {"h k2"}, probes);
  refusals.answered({row_of("h", 4)}, 0, {.allowed = false}, begin + 1min);
  CHECK(refusals.count() == 0);
}

TEST_CASE("amid a backlog no value is asked about that a newer one of its item followed") {
  World world;
  world.settings.batch_size = 10;
  Refusing zabbix{{"h line.status[L3]"}};
  StandIn& server = world.serve();
  std::map<std::string, std::int64_t> newest;
  int older = 0;
  server.reply = [&](const json& request) {
    for (const auto& value : request["data"]) {
      std::int64_t& last = newest[value["key"].get<std::string>()];
      const auto ns = value["ns"].get<std::int64_t>();
      older += ns < last ? 1 : 0;
      last = std::max(last, ns);
    }
    return std::optional(zabbix.answer(request));
  };
  world.destination({server.node()});
  world.start();
  for (int turn = 0; turn < 100; ++turn) {
    world.submit(5);
    world.lines = 0;
    world.clock += 1ms;
  }
  world.run([](World& w) -> connection::Awaitable<void> {
    co_await settled(w);
    co_await drain(w, 60s);
  });
  CHECK(zabbix.inquiries > 0);
  CHECK(world.figures().refused_items == 1);
  CHECK(older == 0);
}

TEST_CASE("after a lost answer nothing looks well: what is there already hides what is refused") {
  World world;
  Refusing zabbix{{"h line.status[L3]"}};
  StandIn& server = world.serve();
  int lost = 0, again = 0;
  server.poison = [&](const json& request) {
    return request.contains("session") && world.figures().refused_items == 1 && lost++ == 0;
  };
  server.reply = [&](const json& request) {
    if (lost == 0 || again++ > 0) return std::optional(zabbix.answer(request));
    const std::string all = std::to_string(request["data"].size());  // it has these ids
    return std::optional(
        json{{"response", "success"},
             {"info", "processed: 0; failed: " + all + "; total: " + all + "; seconds spent: 0.0001"}});
  };
  world.destination({server.node()});
  world.start();
  world.submit(10);
  world.run([](World& w) -> connection::Awaitable<void> {
    const Predicate found = [&w] { return w.figures().refused_items == 1; };
    co_await until(w, found);
    w.lines = 0;
    w.submit(10);
    co_await settled(w);
    co_await drain(w, 60s);
  });
  CHECK(again == 1);
  CHECK(world.figures().refused_items == 1);
  CHECK(world.said("takes the values of an item again") == 0);
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
