#pragma once
// What one agent measures: its settings and, for each router that is its to measure, the lines and tasks
// there. Immutable once made; shared by whoever works by it, so that a turn that is under way keeps the plan
// it began with. Made and compared off the loop.

#include <memory>
#include <string_view>
#include <vector>

#include "config/difference.hpp"
#include "config/settings.hpp"
#include "scheduler/router_tasks.hpp"

namespace linewatch::agent {

struct RouterPlan {
  const config::Router* router = nullptr;
  std::vector<const config::Line*> lines;  // to be pinged
  std::vector<scheduler::TaskJob> jobs;
};

class Plan {
 public:
  explicit Plan(config::Settings settings);
  Plan(const Plan&) = delete;  // its parts point into each other
  Plan& operator=(const Plan&) = delete;

  const config::Settings& settings() const { return settings_; }
  const std::vector<RouterPlan>& routers() const { return routers_; }  // by name
  std::size_t lines() const { return lines_; }                         // enabled, of these routers
  bool measures(const config::Line& line) const;                       // is it one of them?

 private:
  config::Settings settings_;
  std::vector<RouterPlan> routers_;
  std::size_t lines_ = 0;
};

using SharedPlan = std::shared_ptr<const Plan>;

// The settings alone; they keep the whole plan.
std::shared_ptr<const config::Settings> settings_of(const SharedPlan& plan);

// What the agent has to do at one router to come from one plan to the next.
struct RouterStep {
  const RouterPlan* before = nullptr;  // null: it is new
  const RouterPlan* after = nullptr;   // null: it goes
  bool way_in = false;                 // its sessions are to be replaced
  bool limits = false;                 // its pool has other rules
};

struct PlanSteps {
  std::vector<RouterStep> routers;           // all of both plans
  std::vector<const config::Line*> removed;  // of the plan before: get their last value
  std::vector<config::Change> changes;
};

PlanSteps steps_between(const Plan& before, const Plan& after);

}  // namespace linewatch::agent
