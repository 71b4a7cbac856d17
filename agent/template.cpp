#include <cstdio>

#include "agent/commands.hpp"
#include "agent/zabbix_template.hpp"

namespace linewatch::agent {

int run_template(const Options& options) {
  const auto version = options.zabbix_version == "7.0" ? ZabbixVersion::v7_0 : ZabbixVersion::v6_0;
  std::fputs(zabbix_templates(version).c_str(), stdout);
  return exit_ok;
}

}  // namespace linewatch::agent
