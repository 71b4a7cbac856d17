#pragma once
// A ping's figures as the JSON object that `linewatch parse` and `linewatch ping --json` print. Pure.

#include <nlohmann/json.hpp>
#include <string>

#include "aggregator/result.hpp"

namespace linewatch::scheduler {

// {"platform":..,"status":..,"sent":..,"received":..,"loss_percent":..,"rtt_ms":{"min":..,"avg":..,"max":..,"stddev":..},
// "probes_ms":[..],"error":..} in this order; what is absent is null, a lost probe too.
nlohmann::ordered_json to_json(const std::string& platform, const aggregator::PingFigures& figures);

}  // namespace linewatch::scheduler
