#include "agent/plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace linewatch::agent {

Plan::Plan(config::Settings settings) : settings_(std::move(settings)) {
  settings_.index();
  std::map<std::string_view, std::vector<const config::Line*>> lines_of;
  for (const config::Line& line : settings_.lines) {
    if (line.enabled) lines_of[line.router].push_back(&line);
  }
  for (const config::Router& router : settings_.routers) {
    if (!router.measured()) continue;
    RouterPlan plan{&router, {}, {}};
    if (const auto found = lines_of.find(router.name); found != lines_of.end())
      plan.lines = std::move(found->second);
    plan.jobs = scheduler::task_jobs(settings_, router, plan.lines);
    if (plan.lines.empty() && plan.jobs.empty()) continue;
    lines_ += plan.lines.size();
    std::erase_if(plan.lines, [](const config::Line* line) { return !line->pinged(); });
    routers_.push_back(std::move(plan));
  }
  std::ranges::sort(routers_, {},
                    [](const RouterPlan& plan) -> const std::string& { return plan.router->name; });
}

bool Plan::measures(const config::Line& line) const {
  const config::Router* const router = settings_.router(line.router);
  return line.enabled && router && router->measured();
}

std::shared_ptr<const config::Settings> settings_of(const SharedPlan& plan) {
  return {plan, &plan->settings()};
}

namespace {

// Whether the items that `line` filled are filled no more, by this agent or by another one of the shard.
bool ends(const Plan& before, const Plan& after, const config::Line& line) {
  if (!before.measures(line)) return false;
  const config::Line* const next = after.settings().line(line.id);
  if (!next || !next->enabled || next->zabbix_host != line.zabbix_host) return true;
  const config::Router* const router = after.settings().router(next->router);
  return !router || !router->enabled;
}

RouterStep step_between(const Plan& before, const RouterPlan* old_plan, const Plan& after,
                        const RouterPlan* new_plan) {
  RouterStep step{old_plan, new_plan};
  if (!old_plan || !new_plan) return step;
  const config::Router &a = *old_plan->router, &b = *new_plan->router;
  step.way_in = !config::same_way_in(before.settings(), a, after.settings(), b);
  step.limits = a.connection != b.connection;
  return step;
}

}  // namespace

PlanSteps steps_between(const Plan& before, const Plan& after) {
  PlanSteps steps;
  auto old_plan = before.routers().begin();
  auto new_plan = after.routers().begin();
  while (old_plan != before.routers().end() || new_plan != after.routers().end()) {
    const bool only_old =
        new_plan == after.routers().end() ||
        (old_plan != before.routers().end() && old_plan->router->name < new_plan->router->name);
    const bool only_new =
        !only_old && (old_plan == before.routers().end() || new_plan->router->name < old_plan->router->name);
    steps.routers.push_back(
        step_between(before, only_new ? nullptr : &*old_plan, after, only_old ? nullptr : &*new_plan));
    if (!only_new) ++old_plan;
    if (!only_old) ++new_plan;
  }
  for (const config::Line& line : before.settings().lines) {
    if (ends(before, after, line)) steps.removed.push_back(&line);
  }
  steps.changes = config::compare(before.settings(), after.settings());
  return steps;
}

}  // namespace linewatch::agent
