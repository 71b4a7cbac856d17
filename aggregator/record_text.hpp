#pragma once
// A record as octets, for the disk, and back. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "aggregator/record.hpp"

namespace linewatch::aggregator {

// All but `line` and `not_before`, which stand in columns of their own.
std::string encode(const Record& record);
// Nothing for octets that encode() did not make.
std::optional<Record> decode(std::string_view octets);

}  // namespace linewatch::aggregator
