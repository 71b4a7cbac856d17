#pragma once
// What one agent measures: its settings and, for each router that is its to measure, the lines and tasks
// there. Immutable once made; shared by whoever works by it, so that a turn that is under way keeps the plan
// it began with. Made and compared off the loop.

#include <memory>
#include <string_view>
#include <vector>

#include "agent/background.hpp"
#include "agent/items/discovery_hosts.hpp"
#include "agent/zabbix_api/plan.hpp"
#include "config/api_lines.hpp"
#include "config/difference.hpp"
#include "config/settings.hpp"
#include "scheduler/router_plan.hpp"

namespace linewatch::agent {

class Plan {
 public:
  explicit Plan(config::Settings settings);
  Plan(const Plan&) = delete;  // its parts point into each other
  Plan& operator=(const Plan&) = delete;

  const config::Settings& settings() const { return settings_; }
  // By name. Of each, `plan` is null: who takes one to work with says what keeps it.
  const std::vector<scheduler::RouterPlan>& routers() const { return routers_; }
  std::size_t lines() const { return lines_; }                                // enabled, of these routers
  bool measures(const config::Line& line) const;                              // is it one of them?
  const std::vector<DiscoveryHost>& discovery() const { return discovery_; }  // by name

 private:
  config::Settings settings_;
  std::vector<scheduler::RouterPlan> routers_;
  std::vector<DiscoveryHost> discovery_;
  std::size_t lines_ = 0;
};

using SharedPlan = std::shared_ptr<const Plan>;

// Hosts that the Zabbix API gave, beside the lines of the files, and what it was asked.
using ApiHosts = std::shared_ptr<const ApiPlan>;

// Adds what `hosts` mean to the settings of the files, if these want it (zabbix.api) and ask the same; null:
// nothing is known yet. The remarks are for people: hosts left out with the reason, warnings.
struct ApiRemarks {
  std::size_t left_out = 0;
  std::vector<std::string> warnings;  // sentences
  bool operator==(const ApiRemarks&) const = default;
};
ApiRemarks add_api_lines(config::Settings& settings, const ApiHosts& hosts);

// Wherever the last one lets go of it, it is taken apart in the background: a plan of many lines takes a
// while.
SharedPlan make_plan(config::Settings settings, std::shared_ptr<Background::Queue> background);

// The settings alone; who holds them keeps the whole plan.
std::shared_ptr<const config::Settings> settings_of(const SharedPlan& plan);

// How the agent comes from one plan to the next; indices are into the plans' routers.
struct PlanSteps {
  std::vector<std::size_t> going;            // of the plan before: routers that are measured no more
  std::vector<std::size_t> staying, coming;  // of the plan after
  std::vector<const config::Line*> removed;  // of the plan before: lines that get their last value
  DiscoverySteps discovery;
  std::vector<config::Change> changes;
};

PlanSteps steps_between(const Plan& before, const Plan& after);

}  // namespace linewatch::agent
