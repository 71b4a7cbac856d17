#include "aggregator/drops.hpp"

#include <numeric>

namespace linewatch::aggregator {

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::memory_full:
      return "memory_full";
    case DropReason::too_old:
      return "too_old";
    case DropReason::refused:
      return "refused";
    case DropReason::stopped:
      return "stopped";
    case DropReason::removed:
      return "removed";
    case DropReason::disk_full:
      return "disk_full";
    case DropReason::disk_lost:
      return "disk_lost";
  }
  return "memory_full";
}

std::uint64_t total(const Drops& drops) {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}

}  // namespace linewatch::aggregator
