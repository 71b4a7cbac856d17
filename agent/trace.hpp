#pragma once
// What went to a router and what came, for a person to read: `linewatch ping --trace`.

#include <string>
#include <vector>

#include "connection/ssh/session_factory.hpp"

namespace linewatch::agent {

// Writes to standard error, a line each: "bj-edge-1 > ping 192.0.2.1\n"; control characters are shown as
// escapes.
// Where one of `secrets` stands in a piece that came or went, stars are shown.
connection::Trace make_trace(std::string router, std::vector<config::Secret> secrets);

}  // namespace linewatch::agent
