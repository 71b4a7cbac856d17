#include "agent/zabbix_api/asking.hpp"

#include <utility>

namespace linewatch::agent {

Asked judge(const config::ApiSettings& settings, const std::filesystem::path& state_dir, const ApiPlan& last,
            bool kept, connection::Result<std::vector<config::ApiHost>> answer) {
  Asked out;
  if (!answer) {
    out.error = std::move(answer.error().text);
    out.rejected = answer.error().code == connection::ErrorCode::authentication;
    return out;
  }
  out.plan = {question_of(settings), std::move(*answer)};
  out.error = too_many_lost(last.hosts, out.plan.hosts, settings.max_removal);
  if (!out.error.empty()) {
    const auto accepted = read_api_plan(state_dir, out.plan.question);
    if (accepted && *accepted &&
        too_many_lost((*accepted)->hosts, out.plan.hosts, settings.max_removal).empty())
      out.error.clear();
  }
  out.outcome = out.error.empty() ? Asked::Outcome::taken : Asked::Outcome::refused;
  out.changed = out.error.empty() && out.plan.hosts != last.hosts;
  if (out.outcome == Asked::Outcome::refused || (!out.changed && kept)) return out;
  if (const auto written = write_api_plan(state_dir, out.plan); !written)
    out.disk_trouble = written.error().text;
  return out;
}

}  // namespace linewatch::agent
