#include "scheduler/line_traces.hpp"

#include <doctest/doctest.h>

#include "scheduler/task/traceroute.hpp"

using namespace linewatch;
using namespace linewatch::scheduler;
using namespace std::chrono_literals;
using aggregator::LineState;
using connection::TimePoint;

namespace {

constexpr TimePoint start{};

struct Lines {
  Lines() {
    for (config::Line* line : {&one, &two}) line->trace = {true, 15min};
    one.id = "one";
    two.id = "two";
    silent.id = "silent";
  }
  void measured(const config::Line& line, std::initializer_list<LineState> states, TimePoint now = start) {
    for (const LineState state : states) traces.measured(line, state, now);
  }
  config::Line one, two, silent;
  LineTraces traces;
};

}  // namespace

TEST_CASE("a line is traced when it turns bad, once") {
  Lines lines;
  lines.measured(lines.one, {LineState::up});
  CHECK_FALSE(lines.traces.begin(start));
  lines.measured(lines.one, {LineState::down, LineState::down, LineState::line_error});
  CHECK(lines.traces.begin(start) == "one");
  lines.traces.ended();
  CHECK_FALSE(lines.traces.begin(start));
}

TEST_CASE("a line that was never seen up did not turn bad, and states of others say nothing of it") {
  Lines lines;
  lines.measured(lines.one, {LineState::down});
  CHECK_FALSE(lines.traces.begin(start));
  lines.measured(lines.one, {LineState::up, LineState::router_error, LineState::agent_error});
  CHECK_FALSE(lines.traces.begin(start));
  lines.measured(lines.one, {LineState::line_error});
  CHECK(lines.traces.begin(start) == "one");
}

TEST_CASE("at most one trace of a line in its time, at most one at a time") {
  Lines lines;
  lines.measured(lines.one, {LineState::up, LineState::down});
  lines.measured(lines.two, {LineState::up, LineState::down});
  CHECK(lines.traces.begin(start) == "one");
  CHECK_FALSE(lines.traces.begin(start));
  lines.traces.ended();
  CHECK(lines.traces.begin(start) == "two");
  lines.traces.ended();

  lines.measured(lines.one, {LineState::up, LineState::down}, start + 15min - 1ms);
  CHECK_FALSE(lines.traces.begin(start + 15min - 1ms));
  CHECK(lines.traces.suppressed() == 1);
  lines.measured(lines.one, {LineState::up, LineState::down}, start + 15min);
  CHECK(lines.traces.begin(start + 15min) == "one");
}

TEST_CASE("a line that is well again before its turn is not traced, nor one that asks for none") {
  Lines lines;
  lines.measured(lines.one, {LineState::up, LineState::down, LineState::up});
  lines.measured(lines.silent, {LineState::up, LineState::down});
  CHECK_FALSE(lines.traces.begin(start));
  lines.measured(lines.one, {LineState::down});  // the trace that was not made does not count
  CHECK(lines.traces.begin(start) == "one");
}

TEST_CASE("a line that is there no more is not traced, and those that stay are known still") {
  Lines lines;
  lines.measured(lines.one, {LineState::up, LineState::down});
  lines.measured(lines.two, {LineState::up});
  lines.traces.forget_unless([](const std::string& line) { return line == "two"; });
  CHECK_FALSE(lines.traces.begin(start));
  lines.measured(lines.one, {LineState::down});  // came back, and was never seen up
  lines.measured(lines.two, {LineState::down});
  CHECK(lines.traces.begin(start) == "two");
  lines.traces.ended();
  CHECK_FALSE(lines.traces.begin(start));
}

TEST_CASE("a traceroute is ended when it takes or prints too much") {
  TraceWatcher watcher;
  const TimePoint now = connection::Clock::now();
  CHECK_FALSE(watcher.look("1  192.0.2.1", now).interrupt);
  CHECK(watcher.look("", now).look_again == now + 60s);
  CHECK(watcher.look("", now + 60s).interrupt);
  CHECK(TraceWatcher().look(std::string(longest_trace + 1, 'x'), now).interrupt);
}

TEST_CASE("a trace's text is cut, and says so") {
  CHECK(trace_text("\r\n 1  192.0.2.1  1 ms\r\n 2  *\r\n\r\n", false) == " 1  192.0.2.1  1 ms\n 2  *");
  CHECK(trace_text("1  *\n^C\n", true) == "1  *\n^C\n(ended by the agent)");
  CHECK(trace_text("", false).empty());
  const std::string cut = trace_text(std::string(100'000, 'x'), false);
  CHECK(cut.size() == longest_trace);
  CHECK(cut.ends_with("x\n(cut here)"));
}
