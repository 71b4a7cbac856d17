#pragma once
// What one destination's delivery says in the log: a failure that lasts once when it begins and once when it
// ends. Owned by the sender.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <spdlog/logger.h>

#include "aggregator/drops.hpp"
#include "aggregator/refusals.hpp"
#include "connection/context.hpp"

namespace linewatch::aggregator {

class DeliveryLog {
 public:
  static constexpr std::chrono::minutes refused_interval{10};
  static constexpr std::size_t most_items_at_once = 20;

  DeliveryLog(std::string destination, std::shared_ptr<spdlog::logger> log)
      : destination_(std::move(destination)), log_(std::move(log)) {}

  // All nodes were tried in vain; `waiting` values are kept.
  void failing(const std::string& why, std::uint64_t waiting);
  // A packet arrived at `node`; `waiting` values were kept until then.
  void working(const std::string& node, std::uint64_t waiting);
  // The server took the packet and refused some of its values.
  void refused(std::uint64_t values, std::uint64_t of, connection::TimePoint now);
  // Items that Zabbix was found to refuse, or to take again: each once, a flood of them cut short.
  void items(const std::vector<Refusals::Finding>& findings);
  // Why they are refused, as zabbix.api showed it.
  void reasons(const std::vector<RefusedItem>& items);
  // Called whenever something may have been dropped; an episode ends when there is room again and Zabbix
  // takes values.
  void dropping(const Drops& drops, std::uint64_t queued, bool room);
  // At the end: what is lost, and what the next start sends.
  void unsent(std::uint64_t values, DropReason reason);
  void kept(std::uint64_t values);
  void rename(const std::string& destination) { destination_ = destination; }

  const std::string& last_error() const { return last_error_; }  // empty while all is well

 private:
  std::string destination_;
  std::shared_ptr<spdlog::logger> log_;
  std::string last_error_, node_;
  bool failing_ = false;
  Drops seen_{};
  std::optional<std::uint64_t>
      dropped_before_;  // while values are being dropped: the total before that began
  std::uint64_t refused_ = 0, refused_of_ = 0;
  std::optional<connection::TimePoint> refused_said_;
};

}  // namespace linewatch::aggregator
