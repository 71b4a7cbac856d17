#pragma once
// The Zabbix templates, as one file to import: "Linewatch router", "Linewatch line" and "Linewatch agent".
// Made from packaging/zabbix/*.yaml, which are compiled in; line.yaml, what is watched of one line, goes
// into two of them. Plain functions, for `linewatch template` and the packages.

#include <string>

namespace linewatch::agent {

// An export of that version. Zabbix 7.0 and later take both, with the same uuids.
enum class ZabbixVersion { v6_0, v7_0 };

std::string zabbix_templates(ZabbixVersion version);

}  // namespace linewatch::agent
