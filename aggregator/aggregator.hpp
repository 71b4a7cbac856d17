#pragma once
// Takes every result, turns it into Zabbix values, keeps them in bounded memory and delivers them to each destination.
// Lives on one event loop; submit() only there.

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"
#include "connection/resolver.hpp"
#include "connection/session.hpp"

namespace linewatch::aggregator {

struct DestinationStatistics {
  std::string name;             // "10.0.0.5:10051,10.0.0.6:10051"
  std::uint64_t queued = 0;     // values kept for it now
  std::uint64_t processed = 0, failed = 0;  // as the server answered
  std::uint64_t dropped = 0;    // values given up, memory full
  std::string last_error;       // empty when the last exchange went well
};

class Aggregator {
 public:
  Aggregator(boost::asio::any_io_executor loop, const config::ZabbixSettings& settings, connection::Resolver& resolver,
             std::shared_ptr<spdlog::logger> log);
  ~Aggregator();

  void start();
  void submit(const LineResult& result);  // never waits; drops the oldest, counted, when memory is full
  // Sends what is left, at once and until it is sent or the context ends; then stops all its work.
  connection::Awaitable<void> drain(connection::Context ctx);
  std::vector<DestinationStatistics> statistics() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace linewatch::aggregator
