#pragma once
// The fields of a control request, which anybody may have written: what is missing or of another kind is
// empty. Pure.

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/server.hpp"
#include "config/duration.hpp"

namespace linewatch::agent {

std::string text_field(const Json& request, const char* key);
bool flag_field(const Json& request, const char* key);
std::vector<std::string> texts_field(const Json& request, const char* key);
// Absent: nothing. Present: milliseconds from 1 up to ten years; else an error sentence.
std::expected<std::optional<config::Duration>, std::string> length_field(const Json& request,
                                                                         const char* key);

}  // namespace linewatch::agent
