#pragma once
// The traceroutes of the platforms as programs. The way to every target has two routers on it; the second of
// them says that the target is unreachable where it would not answer, so that each ends soon.

#include <memory>

#include "tests/sim/router/ping.hpp"

namespace linewatch::sim {

// `request.count`: probes for each hop; nothing: three. `last`: how the target itself answers.
std::unique_ptr<Program> make_trace(PlatformKind platform, const PingRequest& request, const Resolved& target,
                                    const Probe& last);

}  // namespace linewatch::sim
