#pragma once
// Which items Zabbix refuses. An answer only says how many values failed; which ones is found out by sending
// each item's newest value of such a packet once more, in halves, without session and ids, so that what had
// arrived counts as processed (and is dropped by its clock and ns). Each refused item is asked about at most
// hourly. Owned by a sender; no I/O and no clock of its own.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "aggregator/packets.hpp"
#include "aggregator/statistics.hpp"
#include "connection/context.hpp"

namespace linewatch::aggregator {

class Refusals {
 public:
  static constexpr std::chrono::hours again{1};      // between two looks at one item
  static constexpr std::chrono::minutes pause{1};    // between two inquiries
  static constexpr std::size_t most_items = 10'000;  // remembered; beyond it more are only counted

  struct Value {
    std::shared_ptr<const Record> record;
    std::size_t item = 0;
  };
  struct Finding {
    std::string host, key;
    bool refused = false;  // else it is taken again
  };

  struct Asking {
    bool allowed = true;    // else this packet begins no inquiry
    bool one_host = false;  // a probe must not hold values of several hosts
  };

  // What a packet came to: begins an inquiry if its refused values are not explained by what is known.
  void answered(const std::vector<Row>& rows, std::uint64_t refused, Asking how, connection::TimePoint now);

  bool asking() const { return !open_.empty(); }
  const std::vector<Value>& probe() const { return open_.back(); }  // the values to be sent next
  void probed(std::uint64_t processed);  // of that probe; what it shows is among the findings
  void give_up() { open_.clear(); }      // it could not be sent

  std::vector<Finding> take_findings() { return std::exchange(findings_, {}); }
  std::size_t count() const { return known_.size(); }
  std::vector<RefusedItem> some(std::size_t most) const;

  // Refused items of at most `hosts_at_once` hosts whose reason is not known, or is older than `again`; none
  // while it is still being found out which these are.
  std::vector<RefusedItem> unexplained(std::size_t hosts_at_once, std::size_t items_at_once,
                                       connection::TimePoint now) const;
  // The reason of one; false: that is no news, or the item is taken again.
  bool explain(const RefusedItem& item, connection::TimePoint now);

 private:
  struct Known {
    std::string host, key;
    std::chrono::system_clock::time_point since;
    connection::TimePoint looked, seen;  // seen: among values of which some were refused
    std::string reason{};
    std::optional<connection::TimePoint> explained{};
  };
  static std::string name_of(std::string_view host, std::string_view key);
  static std::string name_of(const Record& record, std::size_t item);
  void refuse(const Value& value);
  void take(const Value& value);

  std::unordered_map<std::string, Known> known_;
  std::vector<std::vector<Value>> open_;
  std::string asked_;  // the host that was asked about last: the next inquiry goes on behind it
  std::vector<Finding> findings_;
  connection::TimePoint now_, next_inquiry_{}, next_look_round_{};
};

}  // namespace linewatch::aggregator
