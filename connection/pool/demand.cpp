#include "connection/pool/demand.hpp"

#include <algorithm>
#include <cmath>

namespace linewatch::connection {

namespace {

int for_waiters(const Demand& demand) {
  const int unserved = demand.waiting - demand.soon_usable;
  const int sessions = demand.leased + demand.soon_usable;
  if (unserved <= 0) return 0;
  if (sessions == 0 || !demand.mean_use || !demand.login_time) return unserved;
  const double login = std::max(1e-6, std::chrono::duration<double>(*demand.login_time).count());
  const double use = std::chrono::duration<double>(*demand.mean_use).count();
  const double enough =
      std::ceil(demand.waiting * use / login);  // sessions that serve all within a login's time
  const int missing = static_cast<int>(std::min(enough, 1e6)) - sessions;
  const bool overdue = demand.longest_wait >= *demand.login_time && demand.connecting == 0;
  return std::clamp(missing, overdue ? 1 : 0, unserved);
}

}  // namespace

int logins_wanted(const Demand& demand) {
  return std::max({0, for_waiters(demand), demand.min_connections - demand.live});
}

void average(std::optional<Clock::duration>& mean, Clock::duration measured) {
  mean = mean ? *mean + (measured - *mean) / 8 : measured;
}

}  // namespace linewatch::connection
