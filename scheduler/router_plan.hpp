#pragma once
// One router's part of a plan: what its worker runs. A value; a reload hands over another one.

#include <memory>
#include <vector>

#include "config/settings.hpp"

namespace linewatch::scheduler {

// A task of the site's own, at its own interval.
struct TaskJob {
  const config::Task* task = nullptr;
  const config::Line* line = nullptr;  // null: the router's own
};

struct RouterPlan {
  std::shared_ptr<const config::Settings> plan;  // keeps what the others point to; null: that is there anyway
  const config::Router* router = nullptr;
  std::vector<const config::Line*> lines;  // to be pinged, each id once
  std::vector<TaskJob> jobs;
};

// The router's own tasks and those of its enabled lines.
std::vector<TaskJob> task_jobs(const config::Settings& settings, const config::Router& router,
                               const std::vector<const config::Line*>& lines);

}  // namespace linewatch::scheduler
