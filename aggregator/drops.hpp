#pragma once
// Why values were given up, and how many of them for each reason.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace linewatch::aggregator {

enum class DropReason {
  memory_full,  // buffer.memory
  too_old,      // buffer.max_age
  refused,      // the destination closes whenever it is sent, and takes others
  stopped,      // still here when the agent ended
  removed,      // the destination was taken out of the configuration
  disk_full,    // buffer.disk
  disk_lost,    // the buffer's file could not be read any more
};
inline constexpr std::size_t drop_reasons = 7;
std::string_view to_string(DropReason reason);

using Drops = std::array<std::uint64_t, drop_reasons>;  // values, by reason
std::uint64_t total(const Drops& drops);

}  // namespace linewatch::aggregator
