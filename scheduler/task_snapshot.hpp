#pragma once
// A task of a router or of one of its lines as it stands at one moment, for people: `linewatch status`. Plain
// values; pointers lead into the configuration that the worker runs with.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aggregator/task_result.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"

namespace linewatch::scheduler {

// What is kept of a task's last run: enough to show.
struct LastTask {
  std::chrono::system_clock::time_point clock;
  std::vector<aggregator::TaskFigure> values;  // long texts cut
  std::vector<std::string> missing;
  std::string error;

  static LastTask of(const aggregator::TaskResult& result);
  // Why there are fewer values than asked for, in one sentence; empty: there are all.
  std::string problem() const;
};

struct TaskSnapshot {
  std::string name;                    // or "traceroute"
  const config::Task* task = nullptr;  // null: traceroute, which has no turns of its own
  const config::Line* line = nullptr;  // null: the router's own
  bool running = false;
  bool paused = false;
  std::optional<connection::TimePoint> next_due;
  std::uint64_t turns = 0, skipped = 0;
  std::optional<LastTask> last;
};

}  // namespace linewatch::scheduler
