#pragma once
// Figures of the buffer and of one destination, for status and metrics. Plain values.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "aggregator/drops.hpp"
#include "config/settings.hpp"

namespace linewatch::aggregator {

struct BufferStatistics {
  std::uint64_t memory_values = 0, memory_limit = 0;
  std::uint64_t disk_octets = 0, disk_limit = 0;  // 0 of 0: no disk
  std::string failure;  // why the disk is not written now; empty: it is, or there is none
  std::string lost;     // what came over a file since the agent began; empty: nothing
};

struct RefusedItem {
  std::string host, key;
  std::chrono::system_clock::time_point since;  // when it was found out
  std::string reason;  // as zabbix.api showed it; empty: it could not be asked, or not yet
};

// Of one destination.
struct RefusedItems {
  std::string destination;
  config::TlsSettings::Connect connect = config::TlsSettings::Connect::unencrypted;
  std::vector<RefusedItem> items;
};

struct DestinationStatistics {
  std::string name;          // "10.0.0.5:10051,10.0.0.6:10051"
  std::uint64_t queued = 0;  // values kept for it now
  // As the server answered; what it took but did not count at all stands under failed.
  std::uint64_t processed = 0, failed = 0;
  std::uint64_t dropped = 0;         // values given up, all reasons together
  Drops drops{};                     // the same by reason
  std::string last_error;            // empty when the last exchange went well
  std::uint64_t refused_items = 0;   // that Zabbix is known to refuse now
  std::vector<RefusedItem> refused;  // of these the first hundred
};

}  // namespace linewatch::aggregator
