#pragma once
// A pool as it stands at one moment, for people: `linewatch status`, the status page. Plain values, which may
// leave the loop.

#include <optional>
#include <string>
#include <vector>

#include "connection/pool/core.hpp"

namespace linewatch::connection {

struct SessionSnapshot {
  int slot = 0;
  SlotState state = SlotState::vacant;
  Clock::duration age{};       // since its login; 0 while connecting
  Clock::duration in_state{};  // how long it is in that state
  int uses = 0;
  std::string holder;  // who borrowed it; empty unless leased
};

struct PoolSnapshot {
  std::string router;
  int max_connections = 0;    // as configured
  int effective_maximum = 0;  // lower for a while after the router said that no session is free
  int min_connections = 0;
  std::size_t waiting = 0;
  std::vector<SessionSnapshot> sessions;  // all but the vacant ones
  PoolStatistics statistics;
  std::optional<Error> last_login_error;  // of the failure that still lasts
  Clock::duration next_login_in{};        // back-off: no login before; 0 = at any time
  bool draining = false;
  bool breaker_open = false;       // after many failed logins in a row: one is tried now and then
  std::vector<std::string> hints;  // sentences: what is short, and what would help
};

}  // namespace linewatch::connection
