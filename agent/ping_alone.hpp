#pragma once
// `linewatch ping` without a running agent: logs in itself, measures, logs out.

#include <vector>

#include "agent/ping_report.hpp"
#include "config/settings.hpp"

namespace linewatch::agent {

// Each result goes to `report` as it comes. The first signal cancels the pings, a second one ends it at once.
void ping_alone(std::shared_ptr<const config::Settings> settings,
                const std::vector<const config::Line*>& lines, bool trace, PingReport& report);

}  // namespace linewatch::agent
