#pragma once
// Where the router's echo of a command ends. Only behind its echo may a prompt count as a command's end: that
// is what keeps the late output of an earlier command out of the next one's answer. Pure functions.

#include <optional>
#include <string_view>

namespace linewatch::connection {

// `text` is stripped and begins where the command was written. The offset behind the echo's line end; empty
// if the echo is not (wholly) there. Knows echoes behind a redrawn prompt, wrapped over lines, and scrolled
// ("$" and the tail).
std::optional<std::size_t> find_echo_end(std::string_view text, std::string_view command);

}  // namespace linewatch::connection
