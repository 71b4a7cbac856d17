#pragma once
// What happened, for tests to compare an agent's own story with: counts per router, and one JSON object per
// line for each login, rejection, command and ping. No password is ever in it. Used on the simulator's loop
// only.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

namespace linewatch::sim {

struct RouterCounts {
  std::uint64_t connections = 0;
  std::uint64_t logins = 0;          // authenticated
  std::uint64_t auth_failures = 0;   // passwords and keys refused, probes of a key not counted
  std::uint64_t limit_refusals = 0;  // no line was free
  std::uint64_t commands = 0;        // lines typed that were not blank
  std::uint64_t pings = 0;
  std::uint64_t echo_requests = 0;  // that left the router
  std::uint64_t echo_replies = 0;
  int sessions = 0;      // authenticated and connected, now
  int sessions_max = 0;  // ... and at the worst moment
};

nlohmann::json to_json(const RouterCounts& counts);

class Events {
 public:
  using Sink = std::function<void(const std::string& line)>;  // without line end
  explicit Events(Sink sink = {}) : sink_(std::move(sink)), start_(std::chrono::steady_clock::now()) {}

  bool wanted() const { return static_cast<bool>(sink_); }
  void emit(const std::string& event, const std::string& router,
            nlohmann::json details = nlohmann::json::object());

 private:
  Sink sink_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace linewatch::sim
