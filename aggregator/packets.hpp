#pragma once
// How a batch becomes packets: hosts are hashed to lanes, each lane sends its packets one after the other and
// all lanes at once (a packet waits for the one before it to be taken), so that each item's values arrive in
// their order, and no host's are in two packets in flight. Plain values and pure functions.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "aggregator/owners.hpp"
#include "aggregator/store.hpp"

namespace linewatch::aggregator {

inline constexpr std::size_t lane_count = 4;
// A larger packet holds up the loop while it is made (some 5 ms with compression); discovery values are
// large.
inline constexpr std::size_t most_octets = 128UL * 1024;

struct Packet {
  std::vector<Row> rows;
  std::size_t values = 0;
  std::size_t octets = 0;             // of its texts
  std::optional<config::Node> owner;  // of all its hosts, where a proxy group is known
  bool newest = false;                // none of its hosts has newer values in the batch
};

using Lane = std::vector<Packet>;

// Packets of at most `batch_size` values and most_octets, or of one record; as few lanes as they need.
std::array<Lane, lane_count> packets_of(std::vector<Row> rows, std::size_t batch_size, const Owners& owners);

// The frame of a packet; ids come from the records' numbers: the same whenever it is sent again.
std::string frame_of(const Packet& packet, std::string_view session, bool compressed);

// 32 hexadecimal digits, new with each call.
std::string new_session();

}  // namespace linewatch::aggregator
