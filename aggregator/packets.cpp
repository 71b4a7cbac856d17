#include "aggregator/packets.hpp"

#include <algorithm>
#include <random>
#include <ranges>

#include "aggregator/protocol.hpp"
#include "config/stable_hash.hpp"

namespace linewatch::aggregator {

namespace {

// Enough ids for the items of one record; what is beyond shares the last one, and is at worst sent for
// nothing on a server that knows the session.
constexpr std::uint64_t ids_of_a_record = 1024;

std::size_t octets_of(const Record& record) {
  return record.items.size() * record.host.size() + record.items.octets().size();
}

void note_newest(Lane& lane) {
  std::unordered_set<std::string_view> later;  // hosts
  for (Packet& packet : lane | std::views::reverse) {
    packet.newest =
        std::ranges::none_of(packet.rows, [&](const Row& row) { return later.contains(row.record->host); });
    if (&packet == &lane.front()) break;
    for (const Row& row : packet.rows) later.insert(row.record->host);
  }
}

}  // namespace

std::array<Lane, lane_count> packets_of(std::vector<Row> rows, std::size_t batch_size, const Owners& owners) {
  std::array<Lane, lane_count> lanes;
  std::size_t values = 0;
  for (const Row& row : rows) values += row.record->items.size();
  const std::size_t used = std::clamp<std::size_t>((values + batch_size - 1) / batch_size, 1, lane_count);
  for (Row& row : rows) {
    Lane& lane = lanes[config::stable_hash(row.record->host) % used];
    const auto owner = owners.grouped() ? owners.of(row.record->host) : std::nullopt;
    // A host's rows stay in their order: only the newest packet of its owner may take one more.
    const auto same = [&](const Packet& packet) {
      return !owners.grouped() ||
             (owner ? packet.owner == owner : packet.rows.back().record->host == row.record->host);
    };
    const auto newest = std::find_if(lane.rbegin(), lane.rend(), same);
    Packet* packet = newest == lane.rend() ? nullptr : &*newest;
    const std::size_t octets = octets_of(*row.record);
    if (!packet || packet->values + row.record->items.size() > batch_size ||
        packet->octets + octets > most_octets) {
      packet = &lane.emplace_back();
      packet->owner = owner;
    }
    packet->values += row.record->items.size();
    packet->octets += octets;
    packet->rows.push_back(std::move(row));
  }
  for (Lane& lane : lanes) note_newest(lane);
  return lanes;
}

std::string frame_of(const Packet& packet, std::string_view session, bool compressed) {
  constexpr std::size_t around_a_value = 120;  // octets of JSON
  RequestWriter request(session);
  request.reserve(packet.octets + packet.values * around_a_value);
  for (const Row& row : packet.rows) {
    request.begin(*row.record);
    std::uint64_t within = 0;
    for (const Item& item : row.record->items) {
      within = std::min(within + 1, ids_of_a_record);
      request.add(item, row.sequence * ids_of_a_record + within);
    }
  }
  return make_frame(std::move(request).finish(std::chrono::system_clock::now()), {.compressed = compressed});
}

std::string new_session() {
  constexpr std::string_view hex = "0123456789abcdef";
  std::random_device random;
  std::uniform_int_distribution<std::size_t> digit(0, 15);
  std::string out;
  for (int i = 0; i < 32; ++i) out += hex[digit(random)];
  return out;
}

}  // namespace linewatch::aggregator
