#pragma once
// Why Zabbix refuses the values of an item, or says "processed" and stores none, read from what host.get,
// item.get and discoveryrule.get answer. Pure.

#include <string>

#include "agent/zabbix_api/answers.hpp"
#include "config/settings.hpp"

namespace linewatch::agent {

// Who takes a host's values. `id` is of the proxy or of the proxy group.
struct HostMonitor {
  enum class Kind { server, proxy, group };
  Kind kind = Kind::server;
  std::string id{};
  auto operator<=>(const HostMonitor&) const = default;
};
// By monitored_by of 7.0 and later, else by proxy_hostid.
HostMonitor monitor_of(const Json& host);

// What the API showed of one refused item.
struct RefusedFacts {
  const Json& host;     // null: none of that name
  const Json& item;     // the item, or the discovery rule, with that key; null: none
  std::string monitor;  // "proxy 'p-1'"; empty: the server itself
  config::TlsSettings::Connect connect = config::TlsSettings::Connect::unencrypted;  // as values are sent
};

// A clause. What explains it for sure comes first and alone; what may, together; else what the API cannot
// show. What Zabbix wrote is in it as printable text.
std::string refusal_reason(const RefusedFacts& facts);

// A clause for a host that stores no values of any item now; empty: it does.
std::string why_nothing_stored(const Json& host);

}  // namespace linewatch::agent
