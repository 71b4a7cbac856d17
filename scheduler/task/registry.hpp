#pragma once
// Every kind of task that can be done on a router, by kind and platform. The one table stands in
// registry.cpp: a new kind, or a platform that needs code of its own for one, is a row there.

#include <chrono>
#include <optional>
#include <string_view>

#include "aggregator/task_result.hpp"
#include "config/settings.hpp"
#include "connection/pool/pool.hpp"
#include "connection/resolver.hpp"
#include "scheduler/measure.hpp"

namespace linewatch::scheduler {

// One turn of one task. What it refers to outlives the run.
struct TaskTurn {
  const config::Router& router;
  const config::Line* line;  // null: a task of the router itself
  const config::Task* own;   // of kind command; null for the others
  connection::Pool& pool;
  connection::Resolver& resolver;
  std::chrono::system_clock::time_point due;   // for what was never typed
  connection::Clock::duration longest_wait{};  // for a session, besides the pool's own limit
  int confirmations = 0;                       // of a ping, see measure()
};

// What it came to: a line's result or a task's.
struct TaskReport {
  std::optional<Measurement> line;
  std::optional<aggregator::TaskResult> task;
  connection::Clock::duration held{};  // how long sessions were borrowed
  bool held_back = false;  // no failure: the login still waited for its turn among all logins of the agent
};

using RunTask = connection::Awaitable<TaskReport> (*)(connection::Context, TaskTurn);

// How that kind of task is done on that platform: its own way there, or the one for all. Null: no such kind.
RunTask find_task(std::string_view kind, std::string_view platform);

}  // namespace linewatch::scheduler
