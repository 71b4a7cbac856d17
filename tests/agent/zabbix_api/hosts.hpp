#pragma once
// Hosts that say all that a line needs, and a folder for the plan.

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <vector>

#include "config/api_lines.hpp"

namespace linewatch::test {

inline config::ApiHost line_host(std::size_t number) {
  config::ApiHost host;
  host.id = std::to_string(number);
  host.host = "line-" + host.id;
  host.interface_address = "198.51.100.1";
  host.macros = {{"{$LINE_ROUTER_IP}", "192.0.2.1"}};
  return host;
}

inline std::vector<config::ApiHost> line_hosts(std::size_t count) {
  std::vector<config::ApiHost> hosts;
  for (std::size_t number = 1; number <= count; ++number) hosts.push_back(line_host(number));
  return hosts;
}

class StateDir {
 public:
  StateDir() {
    std::string name = (std::filesystem::temp_directory_path() / "linewatch-api-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  StateDir(const StateDir&) = delete;
  StateDir& operator=(const StateDir&) = delete;
  ~StateDir() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace linewatch::test
