#pragma once
// What went to a router and what came, for a person to read: `linewatch ping --trace`.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/secret.hpp"
#include "connection/cli/trace.hpp"

namespace linewatch::agent {

using TraceSink = std::function<void(std::string_view line)>;  // without line end

void print_trace(std::string_view line);  // to standard error

// A line each: "bj-edge-1 > ping 192.0.2.1\n"; '>' was sent, '<' came, '#' is a note on what was waited for
// or understood. Control characters are shown as escapes. What comes in pieces is shown when its line ends,
// when something is sent or noted, or when the last copy of the trace goes. Where one of `secrets` stands, as
// it came or as a screen would show it, stars are shown.
connection::Trace make_trace(std::string router, std::vector<config::Secret> secrets,
                             TraceSink sink = print_trace);

}  // namespace linewatch::agent
