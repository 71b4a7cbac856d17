#include "connection/pool/policy.hpp"

namespace linewatch::connection {

PoolPolicy PoolPolicy::from(const config::ConnectionSettings& settings) {
  PoolPolicy policy;
  policy.max_connections = settings.max_connections;
  policy.min_connections = settings.min_connections;
  policy.max_waiters = settings.max_waiters;
  policy.acquire_timeout = settings.acquire_timeout;
  policy.idle_timeout = settings.idle_timeout;
  policy.max_lifetime = settings.max_lifetime;
  policy.max_uses = settings.max_uses;
  policy.health_check_interval = settings.health_check_interval;
  policy.health_check_timeout = settings.health_check_timeout;
  policy.connect_timeout = settings.connect_timeout;
  policy.retry_max_attempts = settings.retry_max_attempts;
  policy.retry_timeout = settings.retry_timeout;
  policy.backoff_first = settings.backoff.first;
  policy.backoff_max = settings.backoff.max;
  policy.breaker_failures = settings.breaker.failures;
  policy.breaker_cool_down = settings.breaker.cool_down;
  return policy;
}

}  // namespace linewatch::connection
