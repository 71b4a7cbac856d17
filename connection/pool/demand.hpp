#pragma once
// How many logins a pool should have under way: a pure function of what it sees. A login costs the router
// more than a short wait costs a caller.

#include <optional>

#include "connection/context.hpp"

namespace linewatch::connection {

struct Demand {
  int waiting = 0;
  Clock::duration longest_wait{};  // of the one who waits longest
  int leased = 0;
  int connecting = 0;
  int soon_usable = 0;  // connecting, checking, recovering
  int live = 0;         // without those that close
  int min_connections = 0;
  std::optional<Clock::duration> mean_use;    // of a lease, once one was measured
  std::optional<Clock::duration> login_time;  // once one was measured
};

// Logins wanted beyond those under way, whatever room there is; 0 or more. A login for waiters pays while the
// last one's expected wait (waiters x mean use / sessions) exceeds the login time, or when somebody has
// waited that long already.
int logins_wanted(const Demand& demand);

// A mean that follows the last eight or so.
void average(std::optional<Clock::duration>& mean, Clock::duration measured);

}  // namespace linewatch::connection
