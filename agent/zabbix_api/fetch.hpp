#pragma once
// All that lines can come of, in few calls: the proxy, its hosts, their templates level by level (each once),
// the global macros.

#include <vector>

#include "agent/zabbix_api/api_client.hpp"
#include "config/api_lines.hpp"

namespace linewatch::agent {

// Opens the client, asks, closes it. Disabled hosts are among the hosts. Never a part: whatever the account
// cannot read that is certainly there is an error.
connection::Awaitable<connection::Result<std::vector<config::ApiHost>>> fetch_hosts(
    connection::Context ctx, ApiClient& client, const config::ApiSettings& settings);

}  // namespace linewatch::agent
