#pragma once
// Takes every result, turns it into Zabbix values, keeps them in the buffer and delivers them to each
// destination. Lives on one event loop, which outlives it: every call is made there.

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <spdlog/logger.h>

#include "aggregator/result.hpp"
#include "aggregator/sender.hpp"
#include "aggregator/statistics.hpp"
#include "aggregator/task_result.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"
#include "connection/resolver.hpp"
#include "connection/session.hpp"

namespace linewatch::aggregator {

class Aggregator {
 public:
  // `resolver` outlives the loop's work.
  Aggregator(boost::asio::any_io_executor loop, const config::ZabbixSettings& settings,
             connection::Resolver& resolver, std::shared_ptr<spdlog::logger> log,
             DeliveryOptions options = {});
  ~Aggregator();
  Aggregator(const Aggregator&) = delete;
  Aggregator& operator=(const Aggregator&) = delete;

  void start();
  // None waits; when the buffer is full the oldest of the same line is dropped, counted. `not_before`: see
  // Record.
  using WallTime = std::chrono::system_clock::time_point;
  void submit(const LineResult& result, WallTime not_before = {});
  void submit(const TaskResult& result, WallTime not_before = {});
  // Values that are no line's and no task's; their texts are as Zabbix takes them.
  void submit(Record record);
  // Turns without a result are counted over all runs of the agent, and with the results it is kept until when
  // each line's turns are accounted for: each turn is a result or is counted, whatever the agent is killed
  // in.
  void skipped(std::string_view reason, std::uint64_t turns);
  void set_turn(LineKey line, std::int64_t last);  // wall time in milliseconds
  void set_turns(std::vector<LineTurn> turns);     // all lines there are
  // As they were when the agent ended; empty without a buffer on disk.
  std::unordered_map<LineKey, std::int64_t> take_last_turns();
  // Called when they become known only later, since the buffer could not be read at the start.
  void on_turns_found(std::function<void()> call);
  // Turns skipped by reason, over all runs.
  std::map<std::string, std::uint64_t> skipped_turns() const;
  BufferStatistics buffer() const;
  // How and where to from now on. A destination that stays keeps what is queued for it; one that goes is not
  // sent to any more, and what was queued for it counts as dropped.
  void reconfigure(const config::ZabbixSettings& settings);
  // Sends what is left, at once and until it is sent or the context ends; then stops all its work. What could
  // not be sent is on disk for the next start or, where it is not, counts as dropped, as does whatever is
  // submitted later. To be called once.
  connection::Awaitable<void> drain(connection::Context ctx);
  std::vector<DestinationStatistics> statistics() const;
  // Values that waited for destinations which were removed, since the agent began.
  std::uint64_t dropped_with_destinations() const;
  // What those destinations had dropped before, and had been refused.
  struct Gone {
    std::uint64_t dropped = 0, failed = 0;
  };
  Gone gone() const;
  // For whoever can find out why items are refused: those of each destination whose reason is not known, or
  // not for an hour; bounded, so that others come another time. What is found out is said and stands in
  // statistics().
  std::vector<RefusedItems> unexplained(std::size_t most_hosts, std::size_t most_items) const;
  void explain(const RefusedItems& refused);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the work under way on the loop
};

}  // namespace linewatch::aggregator
