#pragma once
// One turn of a line's ping or of a task: what is to be done, and what it came to. Plain values.

#include <chrono>
#include <optional>
#include <string>

#include "aggregator/result.hpp"
#include "aggregator/task_result.hpp"
#include "config/settings.hpp"
#include "connection/resolver.hpp"
#include "scheduler/borrowed.hpp"

namespace linewatch::scheduler {

// A due time as the clock on the wall showed or will show it.
inline std::chrono::system_clock::time_point wall_time(connection::TimePoint time) {
  return std::chrono::system_clock::now() -
         std::chrono::duration_cast<std::chrono::system_clock::duration>(connection::Clock::now() - time);
}

// What it refers to outlives the run.
struct TaskTurn {
  const config::Router& router;
  const config::Line* line;  // null: a task of the router itself
  const config::Task* own;   // of kind command; null for the others
  connection::Pool& pool;
  connection::Resolver& resolver;
  std::chrono::system_clock::time_point due;                                      // for what was never typed
  connection::Clock::duration longest_wait = connection::Clock::duration::max();  // for a session, besides
                                                                                  // the pool's own limit
  // Of a ping. So often a line that is down is asked again before that is the result, at once and on the same
  // session, then line.confirm.after later each time; the last answer counts.
  int confirmations = 0;
  Borrowed* on = nullptr;  // of a ping: where it is typed; null: it borrows a session for itself
  std::string address;     // ... and what is pinged then
};

struct Measurement {
  aggregator::LineResult result;
  bool reused = false;     // the session had been used before
  bool held_back = false;  // no failure: the login still waited for its turn among all logins of the agent
  connection::Clock::duration held{};  // how long sessions were borrowed for it
  std::string command;                 // as typed; empty if it never came to that
};

// What it came to: a line's result or a task's.
struct TaskReport {
  std::optional<Measurement> line;
  std::optional<aggregator::TaskResult> task;
  connection::Clock::duration held{};  // how long sessions were borrowed
  bool held_back = false;  // no failure: the login still waited for its turn among all logins of the agent
  bool again = false;      // a ping on a session given: that was closed, and nothing was typed
};

}  // namespace linewatch::scheduler
