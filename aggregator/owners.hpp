#pragma once
// Which member of a proxy group (Zabbix 7.0 and later) takes which host's values, as redirects told. A proxy
// looks only at a packet's first host, so that once a redirect has come, a packet holds hosts of one owner
// only, and a host whose owner is unknown goes alone. Owned by a sender.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "aggregator/protocol.hpp"
#include "config/settings.hpp"

namespace linewatch::aggregator {

class Owners {
 public:
  static constexpr std::size_t most_hosts = 200'000;  // beyond it all are asked anew

  bool grouped() const { return grouped_; }  // a redirect has come
  std::optional<config::Node> of(const std::string& host) const;
  // Where the host's values go, or why this redirect is of no use, as a clause: it is older than one known,
  // or its address is none.
  std::expected<config::Node, std::string> learn(const std::string& host, const Redirect& redirect);
  void forget(const std::string& host) { nodes_.erase(host); }
  void forget_node(const config::Node& node);  // it does not answer
  void reset() { nodes_.clear(); }

 private:
  std::unordered_map<std::string, config::Node> nodes_;  // by host
  std::uint64_t revision_ = 0;
  bool grouped_ = false;
};

}  // namespace linewatch::aggregator
