#pragma once
// What must hold of a ping's figures, whatever a router printed.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "config/platform.hpp"
#include "scheduler/task/ping_json.hpp"

namespace linewatch::test {

// What makes no sense in them; empty if all does.
inline std::string nonsense(const config::Platform& platform, const aggregator::PingFigures& figures) {
  using aggregator::PingStatus;
  const auto is_time = [](const std::optional<double>& ms) {
    return !ms || (std::isfinite(*ms) && *ms >= 0);
  };
  const bool measured = figures.status == PingStatus::ok || figures.status == PingStatus::partial_loss;
  const int sent = figures.sent.value_or(0);
  // Only a device that counts the replies of a group may have more than it sent.
  const int more = platform.ping.answer.duplicates_counted ? sent : figures.received.value_or(0);
  const int received = std::min(figures.received.value_or(0), more);

  if (sent < 0 || received < 0) return "a count below nothing";
  if (figures.status == PingStatus::error && figures.error.empty()) return "an error without a word";
  if (measured && !figures.error.empty()) return "figures with an error: " + figures.error;
  if (figures.error.size() > 400) return "an error of many words";
  if (figures.loss_percent && !(*figures.loss_percent >= 0 && *figures.loss_percent <= 100))
    return fmt::format("loss {}", *figures.loss_percent);
  for (const auto& time : {figures.min_ms, figures.avg_ms, figures.max_ms, figures.stddev_ms}) {
    if (!is_time(time)) return fmt::format("a time of {} ms", *time);
    if (!measured && time) return "a time of nothing measured";
  }
  if (!std::ranges::all_of(figures.probes_ms, is_time)) return "a probe's time that is none";
  if (!figures.probes_ms.empty() && figures.probes_ms.size() != static_cast<std::size_t>(sent))
    return "not as many probes as were sent";
  if (figures.status == PingStatus::total_loss && figures.received != 0) return "total loss, but not nothing";
  if (measured) {
    if (!figures.sent || !figures.received || !figures.loss_percent) return "measured without counts";
    if (received == 0 || received > sent) return fmt::format("{} received of {}", received, sent);
    if ((figures.status == PingStatus::ok) != (received == sent)) return "a loss that is none";
    if (std::abs(*figures.loss_percent - 100.0 * (sent - received) / sent) > 1e-9)
      return fmt::format("loss {} of {}/{}", *figures.loss_percent, received, sent);
    if (figures.min_ms && figures.max_ms) {
      const double slack = 0.01 + *figures.max_ms * 0.001;  // routers round
      const double avg = figures.avg_ms.value_or(*figures.min_ms);
      if (*figures.min_ms > *figures.max_ms || avg < *figures.min_ms - slack || avg > *figures.max_ms + slack)
        return fmt::format("min {} avg {} max {}", *figures.min_ms, avg, *figures.max_ms);
    }
  }
  try {
    static_cast<void>(scheduler::to_json("x", figures).dump());
  } catch (const std::exception& failure) {
    return std::string("no JSON: ") + failure.what();  // of invalid UTF-8
  }
  return {};
}

}  // namespace linewatch::test
