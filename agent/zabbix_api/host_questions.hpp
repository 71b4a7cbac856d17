#pragma once
// Asks the Zabbix API about hosts that values are sent to: which of them store none, and why items of them
// are refused. In few calls, each of some hundred hosts at most.

#include <string>
#include <vector>

#include "agent/zabbix_api/api_client.hpp"
#include "aggregator/statistics.hpp"

namespace linewatch::agent {

struct HostQuestion {
  std::vector<std::string> hosts;                 // does each store what it is sent? Each once, in order
  std::vector<aggregator::RefusedItems> refused;  // why? Of no more than a few hundred hosts
};

struct HostTrouble {
  std::string host, what;  // "is in maintenance without ..."
  auto operator<=>(const HostTrouble&) const = default;
};

struct HostAnswer {
  // Of the hosts, in order.
  std::vector<std::string> stored;                // that store what they are sent
  std::vector<HostTrouble> troubles;              // those that do not
  std::vector<std::string> unseen;                // not there, or not for this account
  std::vector<aggregator::RefusedItems> refused;  // with reasons; what stays unknown is left out
};

// Opens the client, asks, closes it.
connection::Awaitable<connection::Result<HostAnswer>> ask_about_hosts(connection::Context ctx,
                                                                      ApiClient& client,
                                                                      HostQuestion question);

}  // namespace linewatch::agent
