#include "aggregator/items.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace std::chrono_literals;

namespace {

const connection::TimePoint start{1000h};

LineResult result_of(LineState state) {
  LineResult result;
  result.line = "L1";
  result.router = "r1";
  result.zabbix_host = "host-1";
  result.state = state;
  result.clock = std::chrono::system_clock::time_point(1'700'000'000s + 123'456'789ns);
  result.check_time = std::chrono::milliseconds(1500);
  if (state == LineState::up || state == LineState::down) result.figures.emplace();
  if (state != LineState::up) result.error = "why";
  return result;
}

LineResult partial_loss() {
  LineResult result = result_of(LineState::up);
  PingFigures& figures = *result.figures;
  figures.status = PingStatus::partial_loss;
  figures.sent = 3;
  figures.received = 2;
  figures.loss_percent = 100.0 / 3;
  figures.min_ms = 1.25;
  figures.avg_ms = 2;
  figures.max_ms = 10.001;
  figures.stddev_ms = 0.5;
  figures.probes_ms = {1.0, 2.0, 5.0, std::nullopt, 9.0, 8.0};
  return result;
}

std::string shown(const Record& record) {
  std::string text;
  for (const Item& item : record.items) text += std::string(item.key) + "=" + std::string(item.text) + "\n";
  return text;
}

std::string per_line(const LineResult& result) {
  return shown(ItemMapper(config::Layout::per_line).map(result, start));
}

}  // namespace

TEST_CASE("an up line gives every figure, the status last") {
  CHECK(per_line(partial_loss()) ==
        "line.up=1\nline.loss=33.333333\nline.rtt.min=0.00125\nline.rtt.avg=0.002\nline.rtt.max=0.010001\n"
        "line.rtt.stddev=0.0005\nline.jitter=0.001667\nline.check.time=1.5\nline.error=\nline.status=1\n");
}

TEST_CASE("layout discovery names the line in each key") {
  const Record record = ItemMapper(config::Layout::discovery).map(partial_loss(), start);
  CHECK(record.host == "host-1");
  CHECK(record.items.size() == 10);
  for (const Item& item : record.items) CHECK(item.key.ends_with("[L1]"));
  CHECK(record.items[0].key == "line.up[L1]");
  CHECK(record.items[9].key == "line.status[L1]");
}

TEST_CASE("all values carry the clock of the result") {
  const Record record = ItemMapper(config::Layout::per_line).map(partial_loss(), start);
  CHECK(record.clock == 1'700'000'000);
  CHECK(record.ns == 123'456'789);
  LineResult early = partial_loss();
  early.clock = std::chrono::system_clock::time_point(-5ns);
  const Record clamped = ItemMapper(config::Layout::per_line).map(early, start);
  CHECK(clamped.clock == 0);
  CHECK(clamped.ns == 0);
}

TEST_CASE("only what was reported is sent") {
  LineResult result = result_of(LineState::up);
  result.figures->loss_percent = 0;
  CHECK(per_line(result) == "line.up=1\nline.loss=0\nline.check.time=1.5\nline.error=\nline.status=1\n");
  result.figures->avg_ms = std::numeric_limits<double>::quiet_NaN();
  CHECK(per_line(result).find("rtt") == std::string::npos);
}

TEST_CASE("loss comes from the counts where the result does not say it") {
  LineResult result = result_of(LineState::up);
  result.figures->sent = 5;
  result.figures->received = 4;
  CHECK(per_line(result).find("line.loss=20\n") != std::string::npos);
}

TEST_CASE("a line that is down has lost all and has no round trip") {
  LineResult result = result_of(LineState::down);
  result.figures->min_ms = 0;  // some platforms print 0/0/0
  CHECK(per_line(result) == "line.up=0\nline.loss=100\nline.check.time=1.5\nline.error=why\nline.status=0\n");
  result.figures.reset();
  CHECK(per_line(result).find("line.loss=100\n") != std::string::npos);
}

TEST_CASE("what was not measured has no figures") {
  CHECK(per_line(result_of(LineState::line_error)) == "line.check.time=1.5\nline.error=why\nline.status=2\n");
  CHECK(per_line(result_of(LineState::router_error)) ==
        "line.check.time=1.5\nline.error=why\nline.status=3\n");
  LineResult skipped = result_of(LineState::agent_error);
  skipped.check_time = {};
  CHECK(per_line(skipped) == "line.error=why\nline.status=4\n");
  LineResult removed = result_of(LineState::removed);
  removed.check_time = {};
  CHECK(per_line(removed) == "line.error=why\nline.status=5\n");
  LineResult rejected = partial_loss();  // counts that are visible in an answer that was not understood
  rejected.state = LineState::line_error;
  rejected.error = "unclear";
  CHECK(per_line(rejected) == "line.check.time=1.5\nline.error=unclear\nline.status=2\n");
}

TEST_CASE("jitter needs two neighbouring answers") {
  const auto jitter = [](std::vector<std::optional<double>> probes) {
    LineResult result = result_of(LineState::up);
    result.figures->probes_ms = std::move(probes);
    const std::string text = per_line(result);
    const auto at = text.find("line.jitter=");
    return at == std::string::npos ? "none" : text.substr(at + 12, text.find('\n', at) - at - 12);
  };
  CHECK(jitter({}) == "none");
  CHECK(jitter({1.0}) == "none");
  CHECK(jitter({1.0, std::nullopt, 2.0}) == "none");
  CHECK(jitter({1.0, 1.0}) == "0");
  CHECK(jitter({3.0, 1.0}) == "0.002");
  CHECK(jitter({1.0, 3.0, std::nullopt, 9.0, 5.0}) == "0.003");
}

TEST_CASE("line.error is sent on change and hourly") {
  ItemMapper mapper(config::Layout::per_line);
  const auto error_after = [&](std::chrono::minutes passed, LineState state,
                               const std::string& text) -> std::string {
    LineResult result = result_of(state);
    result.error = text;
    for (const Item& item : mapper.map(result, start + passed).items)
      if (item.key == "line.error") return "[" + std::string(item.text) + "]";
    return "none";
  };
  CHECK(error_after(0min, LineState::up, "") ==
        "[]");  // what an earlier run of the agent left is overwritten
  CHECK(error_after(1min, LineState::up, "") == "none");
  CHECK(error_after(2min, LineState::down, "no route") == "[no route]");
  CHECK(error_after(3min, LineState::down, "no route") == "none");
  CHECK(error_after(61min, LineState::down, "no route") == "none");
  CHECK(error_after(62min, LineState::down, "no route") == "[no route]");
  CHECK(error_after(63min, LineState::router_error, "login refused") == "[login refused]");
  CHECK(error_after(64min, LineState::up, "") == "[]");
  CHECK(error_after(65min, LineState::up, "left over") == "none");  // up is well, whatever the text
  CHECK(error_after(124min, LineState::up, "") == "[]");
}

TEST_CASE("a state that is not well always has a text") {
  LineResult result = result_of(LineState::down);
  result.error.clear();
  CHECK(per_line(result).find("line.error=all probes lost\n") != std::string::npos);
  result.figures->error = "no route to host";
  CHECK(per_line(result).find("line.error=no route to host\n") != std::string::npos);
  LineResult agent = result_of(LineState::agent_error);
  agent.error.clear();
  CHECK(per_line(agent).find("line.error=agent_error\n") != std::string::npos);
}

TEST_CASE("texts from routers are made valid and bounded") {
  LineResult result = result_of(LineState::down);
  result.error = std::string(200'000, '\xFF');
  result.zabbix_host = "h\xFF";
  const Record record = ItemMapper(config::Layout::per_line).map(result, start);
  CHECK(record.host == "h\xEF\xBF\xBD");
  for (const Item& item : record.items) CHECK(item.text.size() <= 64UL * 1024);
}

TEST_CASE("the memory of errors is bounded and forgets removed lines") {
  ErrorMemory memory(10);
  for (LineKey line = 0; line < 1000; ++line) {
    CHECK(memory.due(line, "x", start));
    CHECK(memory.size() <= 10);
  }
  CHECK_FALSE(memory.due(999, "x", start));
  memory.forget(999);
  CHECK(memory.due(999, "x", start));
}

TEST_CASE("a line with a host of its own has no id in its keys, whatever the layout") {
  LineResult result = partial_loss();
  result.own_host = true;
  CHECK(shown(ItemMapper(config::Layout::discovery).map(result, start)) == per_line(result));
}

TEST_CASE("figures go to other keys where the site says so, or nowhere") {
  const ItemMapper::Keys keys{{"loss", {"dedicatedLinePing", true, false}},
                              {"rtt.avg", {"ping[avg]", false, false}},
                              {"check.time", {"seconds", true, false}},
                              {"jitter", {}},
                              {"up", {}}};
  ItemMapper per_line(config::Layout::per_line, keys);
  CHECK(shown(per_line.map(partial_loss(), start)) ==
        "dedicatedLinePing=34\nline.rtt.min=0.00125\nping[avg]=0.002\nline.rtt.max=0.010001\n"
        "line.rtt.stddev=0.0005\nseconds=2\nline.error=\nline.status=1\n");
  ItemMapper discovery(config::Layout::discovery, keys);
  const std::string found = shown(discovery.map(partial_loss(), start));
  CHECK(found.find("dedicatedLinePing[L1]=34\n") != std::string::npos);
  CHECK(found.find("ping[L1,avg]=0.002\n") != std::string::npos);
  LineResult own = partial_loss();
  own.line = "L2";  // whose line.error was not said yet
  own.own_host = true;
  CHECK(shown(discovery.map(own, start)) ==
        shown(ItemMapper(config::Layout::per_line, keys).map(own, start)));

  TaskResult trace;
  trace.line = "L1";
  trace.values = {{"trace", "line.trace", "hops"}, {"rx", "optic.rx", "1"}};
  CHECK(shown(ItemMapper(config::Layout::per_line, {{"trace", {"route", false, false}}}).map(trace)) ==
        "route=hops\noptic.rx=1\n");
}

TEST_CASE("loss as a whole number neither hides loss nor invents an outage") {
  const std::pair<double, double> table[] = {{0, 0},     {0.1, 1}, {1, 1},     {33.333333, 34},
                                             {98.5, 99}, {99, 99}, {99.9, 99}, {100, 100}};
  for (const auto& [percent, whole] : table) {
    INFO(percent);
    CHECK(whole_loss(percent) == whole);
  }
}

TEST_CASE("the old words for why a line is not up") {
  struct Row {
    LineState state;
    std::optional<PingStatus> answered;
    bool refused, timed_out;
    const char* word;
  };
  const Row table[] = {
      {LineState::up, PingStatus::partial_loss, false, false, ""},
      {LineState::down, PingStatus::total_loss, false, false, "RequestTimeout"},
      {LineState::down, PingStatus::unreachable, false, false, "NoRouteToHost"},
      {LineState::line_error, PingStatus::error, false, false, "ParseResultFailed"},
      {LineState::line_error, PingStatus::error, true, false, "ExecutionError"},
      {LineState::line_error, std::nullopt, false, false, "ExecutionError"},
      {LineState::router_error, std::nullopt, false, false, "ConnectionError"},
      {LineState::router_error, std::nullopt, false, true, "CheckTimeout"},
      {LineState::agent_error, std::nullopt, false, false, "ExecutionError"},
      {LineState::agent_error, std::nullopt, false, true, "CheckTimeout"},
      {LineState::removed, std::nullopt, false, false, ""},
  };
  for (const Row& row : table) {
    LineResult result = result_of(row.state);
    result.figures.reset();
    if (row.answered) result.figures.emplace().status = *row.answered;
    if (row.answered) result.figures->refused = row.refused;
    result.timed_out = row.timed_out;
    INFO(to_string(row.state), " ", row.word);
    CHECK(ddl_word(result) == row.word);
  }
}

TEST_CASE("the old words come with each run that failed, and nothing once it is well") {
  ItemMapper mapper(config::Layout::per_line, {{"error", {"dedicatedLineErrorDetail", false, true}}});
  const auto words = [&](LineState state) { return shown(mapper.map(result_of(state), start)); };
  for (int run = 0; run < 2; ++run)
    CHECK(words(LineState::router_error) ==
          "line.check.time=1.5\ndedicatedLineErrorDetail=ConnectionError\nline.status=3\n");
  CHECK(words(LineState::up) == "line.up=1\nline.check.time=1.5\nline.status=1\n");
}
