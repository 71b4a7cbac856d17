#pragma once
// A line as it stands at one moment, for people: `linewatch status`. Plain values; `line` points into the
// configuration that the worker runs with.

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"

namespace linewatch::scheduler {

// What is kept of a line's last result: enough to show, without its probes.
struct LastResult {
  aggregator::LineState state = aggregator::LineState::agent_error;
  std::chrono::system_clock::time_point clock;
  std::optional<double> loss_percent, avg_ms;
  std::string error;

  static LastResult of(const aggregator::LineResult& result) {
    LastResult last{result.state, result.clock, {}, {}, result.error};
    if (result.figures) {
      last.loss_percent = result.figures->loss_percent;
      last.avg_ms = result.figures->avg_ms;
    }
    return last;
  }
};

struct LineSnapshot {
  const config::Line* line = nullptr;
  bool running = false;                               // its ping is under way, or waits for a session
  std::optional<connection::TimePoint> paused_until;  // TimePoint::max(): until resumed
  connection::TimePoint next_due;
  std::optional<LastResult> last;
};

// How many lines are in which state; every line is counted once in by_state or unmeasured.
struct LineTally {
  std::size_t lines = 0, unmeasured = 0, paused = 0;
  std::array<std::size_t, 6> by_state{};  // by aggregator::LineState

  LineTally& operator+=(const LineTally& other) {
    lines += other.lines;
    unmeasured += other.unmeasured;
    paused += other.paused;
    for (std::size_t i = 0; i < by_state.size(); ++i) by_state[i] += other.by_state[i];
    return *this;
  }
};

}  // namespace linewatch::scheduler
