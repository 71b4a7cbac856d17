#include "scheduler/task/ping_json.hpp"

namespace linewatch::scheduler {

namespace {

template <typename T>
nlohmann::ordered_json or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

nlohmann::ordered_json to_json(const std::string& platform, const aggregator::PingFigures& figures) {
  nlohmann::ordered_json json;
  json["platform"] = platform;
  json["status"] = std::string(to_string(figures.status));
  json["sent"] = or_null(figures.sent);
  json["received"] = or_null(figures.received);
  json["loss_percent"] = or_null(figures.loss_percent);
  nlohmann::ordered_json times;
  times["min"] = or_null(figures.min_ms);
  times["avg"] = or_null(figures.avg_ms);
  times["max"] = or_null(figures.max_ms);
  times["stddev"] = or_null(figures.stddev_ms);
  json["rtt_ms"] = std::move(times);
  nlohmann::ordered_json probes;
  for (const auto& probe : figures.probes_ms) probes.push_back(or_null(probe));
  json["probes_ms"] = std::move(probes);  // null where the platform prints none
  json["error"] =
      figures.error.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(figures.error);
  return json;
}

}  // namespace linewatch::scheduler
