#pragma once
// Every kind of task that can be done on a router, by kind and platform. The one table stands in
// registry.cpp: a new kind, or a platform that needs code of its own for one, is a row there.

#include <string_view>

#include "connection/session.hpp"
#include "scheduler/turn.hpp"

namespace linewatch::scheduler {

using RunTask = connection::Awaitable<TaskReport> (*)(connection::Context, TaskTurn);

// How that kind of task is done on that platform: its own way there, or the one for all. Null: no such kind.
RunTask find_task(std::string_view kind, std::string_view platform);

}  // namespace linewatch::scheduler
