#include "aggregator/owners.hpp"

#include "config/address.hpp"

namespace linewatch::aggregator {

std::optional<config::Node> Owners::of(const std::string& host) const {
  const auto found = nodes_.find(host);
  return found == nodes_.end() ? std::nullopt : std::optional(found->second);
}

std::expected<config::Node, std::string> Owners::learn(const std::string& host, const Redirect& redirect) {
  grouped_ = true;
  if (redirect.revision < revision_)
    return std::unexpected("its redirect is older than one that was followed before (revision " +
                           std::to_string(redirect.revision) + " after " + std::to_string(revision_) + ")");
  const auto place = config::parse_host_port(redirect.address, config::Node().port);
  if (!place) return std::unexpected("its redirect names no address");
  revision_ = redirect.revision;
  if (nodes_.size() >= most_hosts) nodes_.clear();
  config::Node node{place->host, place->port};
  nodes_.insert_or_assign(host, node);
  return node;
}

void Owners::forget_node(const config::Node& node) {
  std::erase_if(nodes_, [&](const auto& known) { return known.second == node; });
}

}  // namespace linewatch::aggregator
