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
    scheduler::RouterPlan plan{nullptr, &router, {}, {}};
    if (const auto found = lines_of.find(router.name); found != lines_of.end())
      plan.lines = std::move(found->second);
    plan.jobs = scheduler::task_jobs(settings_, router, plan.lines);
    if (plan.lines.empty() && plan.jobs.empty()) continue;
    lines_ += plan.lines.size();
    std::erase_if(plan.lines, [](const config::Line* line) { return !line->pinged(); });
    routers_.push_back(std::move(plan));
  }
  discovery_ = discovery_hosts(settings_);
  std::ranges::sort(routers_, {}, [](const scheduler::RouterPlan& plan) -> const std::string& {
    return plan.router->name;
  });
}

bool Plan::measures(const config::Line& line) const {
  const config::Router* const router = settings_.router(line.router);
  return line.enabled && router && router->measured();
}

ApiRemarks add_api_lines(config::Settings& settings, const ApiHosts& hosts) {
  ApiRemarks remarks;
  if (!settings.zabbix.api || !hosts || hosts->question != question_of(*settings.zabbix.api)) return remarks;
  config::ApiLines lines = config::api_lines(settings, hosts->hosts);
  remarks.left_out = lines.left_out.size();
  for (const config::ApiRemark& warning : lines.warnings)
    remarks.warnings.push_back("Zabbix host " + warning.host + ": " + warning.text);
  config::add(settings, std::move(lines));
  return remarks;
}

SharedPlan make_plan(config::Settings settings, std::shared_ptr<Background::Queue> background) {
  auto plan = std::make_unique<const Plan>(std::move(settings));
  return {plan.release(), [queue = std::move(background)](const Plan* last) {
            Background::post(queue, [last] { delete last; });
          }};
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

}  // namespace

PlanSteps steps_between(const Plan& before, const Plan& after) {
  PlanSteps steps;
  const auto &old_plans = before.routers(), &new_plans = after.routers();
  const auto known_in = [](const std::vector<scheduler::RouterPlan>& plans, const std::string& name) {
    return std::ranges::binary_search(
        plans, name, {},
        [](const scheduler::RouterPlan& plan) -> const std::string& { return plan.router->name; });
  };
  for (std::size_t i = 0; i < old_plans.size(); ++i) {
    if (!known_in(new_plans, old_plans[i].router->name)) steps.going.push_back(i);
  }
  for (std::size_t i = 0; i < new_plans.size(); ++i) {
    (known_in(old_plans, new_plans[i].router->name) ? steps.staying : steps.coming).push_back(i);
  }
  for (const config::Line& line : before.settings().lines) {
    if (ends(before, after, line)) steps.removed.push_back(&line);
  }
  steps.discovery = discovery_steps(before.discovery(), after.discovery());
  steps.changes = config::compare(before.settings(), after.settings());
  return steps;
}

}  // namespace linewatch::agent
