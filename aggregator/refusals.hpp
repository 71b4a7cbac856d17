#pragma once
// Which items Zabbix refuses. An answer only says how many values failed; which ones is found out by sending
// the values of such a packet once more in halves, without session and ids, so that what had arrived counts
// as processed (and is dropped by its clock and ns). Each item is asked about at most hourly. Owned by a
// sender; no I/O and no clock of its own.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
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
  static constexpr std::size_t most_items = 10'000;  // remembered; beyond it refused ones are forgotten

  struct Value {
    std::shared_ptr<const Record> record;
    std::size_t item = 0;
  };
  struct Finding {
    std::string host, key;
    bool refused = false;  // else it is taken again
  };

  // What a packet came to: begins an inquiry if its refused values are not explained by what is known.
  // `one_host`: a probe must not hold values of several hosts.
  void answered(const std::vector<Row>& rows, std::uint64_t refused, bool one_host,
                connection::TimePoint now);

  bool asking() const { return !open_.empty(); }
  const std::vector<Value>& probe() const { return open_.back(); }  // the values to be sent next
  void probed(std::uint64_t processed);  // of that probe; what it shows is among the findings
  void give_up() { open_.clear(); }      // it could not be sent

  std::vector<Finding> take_findings() { return std::exchange(findings_, {}); }
  std::size_t count() const { return known_.size(); }
  std::vector<RefusedItem> some(std::size_t most) const;

 private:
  struct Known {
    std::string host, key;
    std::chrono::system_clock::time_point since;
    connection::TimePoint looked;
  };
  static std::string name_of(const Record& record, std::size_t item);
  void refuse(const Value& value);
  void take(const Value& value);

  std::unordered_map<std::string, Known> known_;
  std::vector<std::vector<Value>> open_;
  std::vector<Finding> findings_;
  connection::TimePoint now_, next_inquiry_{}, next_look_round_{};
};

}  // namespace linewatch::aggregator
