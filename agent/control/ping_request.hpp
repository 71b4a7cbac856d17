#pragma once
// `linewatch ping` through the running agent: measures with the agent's own pools and sends each result as it
// comes. One line after another on each router, so that the schedule hardly feels it; routers side by side.
// Paused lines are measured, too: somebody asked. Zabbix is told nothing of it.

#include <boost/asio/any_io_executor.hpp>

#include "agent/control/server.hpp"
#include "agent/routers.hpp"
#include "config/settings.hpp"

namespace linewatch::agent {

// `routers` and `client` outlive the call. Returns when the last ping has ended; the client's end cancels
// those under way.
connection::Awaitable<void> answer_ping(boost::asio::any_io_executor loop,
                                        std::shared_ptr<const config::Settings> settings, Routers& routers,
                                        ControlClientLink& client, const Json& request);

}  // namespace linewatch::agent
