#pragma once
// What a worker has done since it began, in numbers. Plain values.

#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "connection/histogram.hpp"

namespace linewatch::scheduler {

// Why a turn was not: the line was paused; the router's login waited for its turn among all of the agent; all
// sessions were busy for the whole interval; the line's turn before still ran; the agent stood still; the
// agent did not run, or ended before the result was kept.
enum class SkipReason { paused, warm_up, overload, still_running, suspended, restart };
inline constexpr std::size_t skip_reason_count = 6;
std::string_view to_string(SkipReason reason);

inline constexpr std::size_t largest_batch = 8;  // turns on one lease

struct WorkerStatistics {
  std::uint64_t turns = 0;  // started, or given up for a failure that was reported
  std::array<std::uint64_t, skip_reason_count> skipped_for{};  // by SkipReason
  std::array<std::uint64_t, largest_batch + 1> batches{};      // leases, by how many turns rode on them
  connection::Histogram lateness;  // of turns that were typed: how long after they were due
  double load = 0;                 // of the router's sessions by its lines and tasks; see RouterLoad

  std::uint64_t skipped(SkipReason why) const { return skipped_for[static_cast<std::size_t>(why)]; }
  std::uint64_t skipped() const { return std::reduce(skipped_for.begin(), skipped_for.end()); }
};

}  // namespace linewatch::scheduler
