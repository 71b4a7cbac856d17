#include "tests/sim/server/events.hpp"

namespace linewatch::sim {

nlohmann::json to_json(const RouterCounts& counts) {
  return {{"connections", counts.connections},     {"logins", counts.logins},
          {"auth_failures", counts.auth_failures}, {"limit_refusals", counts.limit_refusals},
          {"commands", counts.commands},           {"pings", counts.pings},
          {"echo_requests", counts.echo_requests}, {"echo_replies", counts.echo_replies},
          {"sessions", counts.sessions},           {"sessions_max", counts.sessions_max}};
}

void Events::emit(const std::string& event, const std::string& router, nlohmann::json details) {
  if (!sink_) return;
  const auto since = std::chrono::steady_clock::now() - start_;
  details["event"] = event;
  details["router"] = router;
  details["t"] = std::chrono::duration<double>(since).count();
  // A client may type octets that are no UTF-8.
  sink_(details.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace linewatch::sim
