#pragma once
// The command task: a task of the site's own, whose values are picked from what the router answers. Pure
// functions, no I/O.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/task_result.hpp"
#include "config/settings.hpp"

namespace linewatch::scheduler {

// The commands to type, in order. `line` is null for a router's own task. The error is one clause: what the
// platform or the line cannot say.
std::expected<std::vector<std::string>, std::string> task_commands(const config::Task& task,
                                                                   const config::Platform& platform,
                                                                   const config::Line* line);

// Fills values, missing and error. A value is what the first match holds; if other matches hold something
// else, or it is no number where one should be, it is missing: never a figure that may be another's.
void read_task_answer(const config::Task& task, const config::Platform& platform, std::string_view answer,
                      aggregator::TaskResult& result);

}  // namespace linewatch::scheduler
