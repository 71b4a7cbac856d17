#pragma once
// The rules of one router's pool, as plain values. Taken from config::ConnectionSettings; each rule's source
// is the configuration reference in the README.

#include "config/settings.hpp"
#include "connection/context.hpp"

namespace linewatch::connection {

struct PoolPolicy {
  int max_connections = 2;  // 1..64; sessions as the router counts them, closing ones included
  int min_connections = 1;  // 0..max_connections; kept logged in
  int max_waiters = 1000;   // 0..; one more is refused at once
  Clock::duration acquire_timeout = std::chrono::seconds(60);
  Clock::duration idle_timeout = std::chrono::minutes(5);   // beyond min_connections
  Clock::duration max_lifetime = std::chrono::minutes(30);  // +-10 %, drawn per session
  int max_uses = 1500;
  Clock::duration health_check_interval = std::chrono::seconds(210);
  Clock::duration health_check_timeout = std::chrono::seconds(5);
  Clock::duration connect_timeout = std::chrono::seconds(30);  // one try of one login
  int retry_max_attempts = 2;                                  // tries of one login
  Clock::duration retry_timeout = std::chrono::seconds(30);    // all tries together
  Clock::duration backoff_first = std::chrono::seconds(1);
  Clock::duration backoff_max = std::chrono::minutes(5);
  int breaker_failures = 5;  // failed logins in a row, then none for the cool-down but one to try
  Clock::duration breaker_cool_down = std::chrono::minutes(1);
  Clock::duration rest_timeout = std::chrono::seconds(5);     // at rest: an idle session is closed after
  Clock::duration limit_return = std::chrono::minutes(10);    // a lowered maximum grows by one each
  Clock::duration leak_warning = std::chrono::minutes(15);    // a lease out for longer is said
  Clock::duration recover_timeout = std::chrono::seconds(5);  // Ctrl-C, once more if that was lost, to prompt
  Clock::duration close_timeout = std::chrono::seconds(3);    // polite logout, then cut

  static PoolPolicy from(const config::ConnectionSettings& settings);
};

}  // namespace linewatch::connection
