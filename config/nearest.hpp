#pragma once
// The name that was probably meant: "unknown key 'conut' (did you mean 'count'?)".

#include <optional>
#include <span>
#include <string_view>

namespace linewatch::config {

// Insertions, deletions, substitutions and swaps of neighbours; case and '-' for '_' cost nothing.
// Anything beyond `limit` is reported as limit + 1.
std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit);

// The closest of the known names, if one is close enough to be a slip of the fingers; the first of equals.
std::optional<std::string_view> nearest(std::string_view name, std::span<const std::string_view> known);

}  // namespace linewatch::config
