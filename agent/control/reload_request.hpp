#pragma once
// `linewatch reload` and `linewatch check --diff` through the control socket: has the configuration read
// again, and says what that changes, or would change.

#include <filesystem>

#include "agent/control/server.hpp"
#include "agent/reloader.hpp"

namespace linewatch::agent {

// `file` is the agent's configuration: a difference to another one is refused. All references outlive the
// call.
connection::Awaitable<void> answer_reload(Reloader& reloader, const std::filesystem::path& file,
                                          ControlClientLink& client, const Json& request);

}  // namespace linewatch::agent
