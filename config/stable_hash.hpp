#pragma once
// A hash that is the same on every machine and in every version, since phases and shards depend on it.

#include <cstdint>
#include <string_view>

namespace linewatch::config {

// FNV-1a, 64 bit.
std::uint64_t stable_hash(std::string_view text);

}  // namespace linewatch::config
