#pragma once
// Which router each Zabbix host's line is on. One address and port is one router with one pool: one of the
// files', or one that its hosts describe together. Internal to config.

#include <string>
#include <vector>

#include "config/api_fields.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

// One host on its way to a line.
struct ApiWish {
  const ApiHost* host = nullptr;
  ApiFields fields;                // its problems grow; a host with one gives no line
  const Router* router = nullptr;  // in the files' settings or in `out.routers`
};

// `loading` has the settings that the readers look at; `files` the routers. Fills each wish's router, or adds
// why it has none; new routers and credentials go to `out`.
void settle_api_routers(Loading& loading, const Settings& files, std::vector<ApiWish>& wishes, ApiLines& out);

}  // namespace linewatch::config
