#pragma once
// Logs in to one router over SSH and gives a command-line session. Lives on the router's loop.

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "config/settings.hpp"
#include "connection/cli/trace.hpp"
#include "connection/resolver.hpp"
#include "connection/session.hpp"
#include "connection/ssh/host_keys.hpp"

namespace linewatch::connection {

struct RouterAccess {
  std::string name;
  std::string address;
  std::uint16_t port = 22;
  std::shared_ptr<const config::Platform> platform;
  std::vector<config::Credential> credentials;  // tried in order, the next only after a rejection
  bool legacy_ssh = false;
  config::ConnectionSettings connection;
};

// `resolver` and `host_keys` outlive the factory and its sessions.
std::unique_ptr<SessionFactory> make_ssh_session_factory(boost::asio::any_io_executor loop,
                                                         Resolver& resolver, HostKeys& host_keys,
                                                         RouterAccess access,
                                                         std::shared_ptr<spdlog::logger> log,
                                                         Trace trace = {});

// Key exchange only, no credential sent: the host key a router shows, for `linewatch hostkey scan`.
Awaitable<Result<HostKey>> scan_host_key(Context ctx, Resolver& resolver, std::string address,
                                         std::uint16_t port, bool legacy_ssh, std::string source_address);

}  // namespace linewatch::connection
