#pragma once
// Takes every result, turns it into Zabbix values, keeps them in bounded memory and delivers them to each
// destination. Lives on one event loop, which outlives it: every call is made there.

#include <boost/asio/any_io_executor.hpp>
#include <memory>
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
  // None waits; each drops the oldest, counted, when memory is full. `not_before`: see Record.
  using WallTime = std::chrono::system_clock::time_point;
  void submit(const LineResult& result, WallTime not_before = {});
  void submit(const TaskResult& result, WallTime not_before = {});
  void submit(
      Record record);  // values that are no line's and no task's; their texts are as Zabbix takes them
  // How and where to from now on. A destination that stays keeps what is queued for it; one that goes is not
  // sent to any more, and what was queued for it counts as dropped.
  void reconfigure(const config::ZabbixSettings& settings);
  // Sends what is left, at once and until it is sent or the context ends; then stops all its work. What could
  // not be sent counts as dropped, as does whatever is submitted later. To be called once.
  connection::Awaitable<void> drain(connection::Context ctx);
  std::vector<DestinationStatistics> statistics() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the work under way on the loop
};

}  // namespace linewatch::aggregator
