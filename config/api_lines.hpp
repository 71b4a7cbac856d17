#pragma once
// Lines and routers from Zabbix hosts. What the API said of a host is read like an entry of a file, by the
// same readers with the same checks. Pure: no network, no clock.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/settings.hpp"

namespace linewatch::config {

// One Zabbix host that has the tag and is of the proxy, whether a line comes of it or not.
struct ApiHost {
  std::string id;                 // Zabbix's number of it; stays when it is renamed
  std::string host;               // technical name: where the line's items are
  std::string name;               // visible name, for people; may be empty
  std::string interface_address;  // of its main interface: address or DNS name; empty: none
  bool enabled = true;
  bool maintenance = false;  // in maintenance now, and that is asked for
  std::map<std::string, std::string>
      macros;                    // effective values of the {$LINE_...} macros, by name with braces
  std::set<std::string> secret;  // those of them whose value the API does not show

  bool operator==(const ApiHost&) const = default;
};

struct ApiRemark {
  std::string host, text;  // the host's technical name, one sentence
};

struct ApiLines {
  std::vector<Router> routers;  // those that stand in no file: one for each address and port
  std::vector<Line> lines;      // zabbix_host is the host they came from
  std::map<std::string, Credential> credentials;  // of {$LINE_ROUTER_USERNAME} and {$LINE_ROUTER_PASSWORD}
  std::vector<ApiRemark> left_out;                // hosts that give no line, each with the reason; by name
  std::vector<ApiRemark> warnings;                // of lines that are there
};

// `settings` are those of the files alone, loaded without error; it names the places of what clashes. Nothing
// that is wrong with one host touches the others; where hosts contradict each other about a router, what most
// of them say counts, and the others are left out. A host in maintenance, with maintenance: pause, gives a
// line that is not enabled.
ApiLines api_lines(const Settings& settings, const std::vector<ApiHost>& hosts);

// Is it enabled, and does it say all that a line needs? The values may be wrong all the same.
bool says_a_line(const ApiHost& host);

// Puts them into the same settings, behind what the files hold.
void add(Settings& settings, ApiLines lines);

}  // namespace linewatch::config
