#pragma once
// Durations and sizes as operators write them: 500ms, 30s, 3m30s, 7d; 64KiB, 1GiB.

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace linewatch::config {

using Duration = std::chrono::milliseconds;  // the finest unit a configuration can say

// Units ms s m h d, largest first, each at most once ("3m30s"). Not negative, at most 10 years.
// The error is one clause that says what to write ("a number without a unit: write 30s or 30m").
std::expected<Duration, std::string> parse_duration(std::string_view text);

// The shortest form that parse_duration reads back: "3m30s", "0s".
std::string format_duration(Duration duration);

// Octets. Units B KiB MiB GiB TiB (KB, k and the like are refused, since nobody knows which they mean).
std::expected<std::uint64_t, std::string> parse_size(std::string_view text);

}  // namespace linewatch::config
