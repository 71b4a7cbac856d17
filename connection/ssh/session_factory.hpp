#pragma once
// Logs in to one router over SSH and gives a session on it. Lives on the router's loop.

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
#include "connection/ssh/jump_host.hpp"
#include "connection/ssh/transport.hpp"

namespace linewatch::connection {

struct RouterAccess {
  // What a session is for: a command line, single commands, or the way to other routers.
  enum class Use { shell, exec, jump };

  std::string name;
  std::string address;
  std::uint16_t port = 22;
  std::shared_ptr<const config::Platform> platform;
  std::vector<config::Credential> credentials;  // tried in order, the next only after a rejection
  bool legacy_ssh = false;
  config::ConnectionSettings connection;
  std::shared_ptr<JumpHost> via;  // null: directly. make_factory_behind() sees that it is ready
  Use use = Use::shell;
  std::shared_ptr<Gate> key_exchanges;  // see Peer, as the next
  std::shared_ptr<HangUps> hang_ups;
};

// `resolver` and `host_keys` outlive the factory and its sessions.
std::unique_ptr<SessionFactory> make_ssh_session_factory(boost::asio::any_io_executor loop,
                                                         Resolver& resolver, HostKeys& host_keys,
                                                         RouterAccess access,
                                                         std::shared_ptr<spdlog::logger> log,
                                                         Trace trace = {});

// Key exchange only, no credential sent to the router: the host key it shows, for `linewatch hostkey scan`. A
// jump host on the way is logged in to.
Awaitable<Result<HostKey>> scan_host_key(Context ctx, Resolver& resolver, Peer peer);

}  // namespace linewatch::connection
