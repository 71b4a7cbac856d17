#include <fmt/format.h>

#include "config/address.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

constexpr Duration shortest_limit = 10ms, longest_limit = 1h;

void read_times(Reader& reader, ConnectionSettings& out) {
  for (const auto& [key, value] : {std::pair{"connect_timeout", &out.connect_timeout},
                                   {"read_timeout", &out.read_timeout},
                                   {"write_timeout", &out.write_timeout},
                                   {"health_check_timeout", &out.health_check_timeout},
                                   {"acquire_timeout", &out.acquire_timeout},
                                   {"retry_timeout", &out.retry_timeout}}) {
    reader.duration(key, *value, shortest_limit, longest_limit);
  }
  for (const auto& [key, value] : {std::pair{"health_check_interval", &out.health_check_interval},
                                   {"idle_timeout", &out.idle_timeout},
                                   {"max_lifetime", &out.max_lifetime}}) {
    reader.duration(key, *value, 1s, std::chrono::days{30});
  }
}

void read_backoff(Reader& around, Backoff& out) {
  Reader reader(around, "backoff", around.find("backoff"));
  reader.duration("first", out.first, shortest_limit, longest_limit);
  reader.duration("max", out.max, shortest_limit, std::chrono::days{1});
  if (out.first > out.max) {
    reader.error(
        reader.written("first") ? "first" : "max",
        fmt::format("first {} is more than max {}", format_duration(out.first), format_duration(out.max)));
    out.first = out.max;  // said once, not again by whoever inherits it
  }
  reader.finish();
}

void read_breaker(Reader& around, BreakerSettings& out) {
  Reader reader(around, "breaker", around.find("breaker"));
  reader.integer("failures", out.failures, 1, 1000);
  reader.duration("cool_down", out.cool_down, shortest_limit, std::chrono::days{1});
  reader.finish();
}

void read_total(Reader& around, TotalLimits& out) {
  Reader reader(around, "total", around.find("total"));
  reader.integer("sessions", out.sessions, 1, 1'000'000);
  reader.integer("logins", out.logins, 1, 100'000);
  reader.integer("logins_per_second", out.logins_per_second, 1, 100'000);
  reader.finish();
}

}  // namespace

void read_connection(Reader& around, ConnectionSettings& out, bool whole_agent) {
  Reader reader(around, "connection", around.find("connection"));
  read_times(reader, out);
  reader.integer("max_connections", out.max_connections, 1, 64);
  reader.integer("min_connections", out.min_connections, 0, 64);
  reader.integer("max_waiters", out.max_waiters, 0, 1'000'000);
  reader.integer("max_uses", out.max_uses, 1, 1'000'000'000);
  reader.integer("retry_max_attempts", out.retry_max_attempts, 1, 100);
  read_backoff(reader, out.backoff);
  read_breaker(reader, out.breaker);
  if (reader.text_or_none("source_address", out.source_address) && !is_ip(out.source_address)) {
    reader.error("source_address", fmt::format("{} is not an address (write one of this host's own)",
                                               in_quotes(out.source_address)));
  }
  if (whole_agent) {
    read_total(reader, out.total);
  } else {
    reader.misplaced("total", "limits the whole agent (write it under the top-level 'connection')");
  }
  if (out.min_connections > out.max_connections) {
    reader.error(reader.written("min_connections") ? "min_connections" : "max_connections",
                 fmt::format("min_connections {} is more than max_connections {}", out.min_connections,
                             out.max_connections));
    out.min_connections = out.max_connections;
  }
  reader.finish();
}

}  // namespace linewatch::config
