#pragma once
// The routers of one event loop: what they share (names, host keys, the accounts' guard, jump hosts) and a
// pool for each. Lives on the loop; destroyed after close() returned.

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "config/settings.hpp"
#include "connection/pool/lockout.hpp"
#include "connection/pool/pool.hpp"
#include "connection/resolver.hpp"
#include "connection/ssh/host_keys.hpp"
#include "connection/ssh/jump_host.hpp"
#include "connection/ssh/session_factory.hpp"

namespace linewatch::agent {

class Routers {
 public:
  // The agent that owns state_dir, or a command beside it, which makes sessions only when somebody waits for
  // one and remembers no rejected credential.
  enum class Owner { agent, command };

  using Settings = std::shared_ptr<const config::Settings>;

  // Reads the host keys; the error says which file and line.
  static connection::Result<std::unique_ptr<Routers>> open(boost::asio::any_io_executor loop,
                                                           Settings settings,
                                                           std::shared_ptr<spdlog::logger> log, Owner owner);

  ~Routers();

  // The router's pool, made at its first use. `trace` counts at that first use only.
  std::shared_ptr<connection::Pool> pool(const config::Router& router, connection::Trace trace = {});

  // The jump host that the router is behind, made at its first use; null: there is none.
  std::shared_ptr<connection::JumpHost> way_to(const config::Router& router);

  connection::Resolver& resolver() { return resolver_; }
  connection::HostKeys& host_keys() { return host_keys_; }

  // A reload. First the whole: limits of all logins, host keys, jump hosts; from now on pool() and way_to()
  // take routers of these settings. Then each pool there is, by name, which may take a while: its rules, and
  // its sessions are replaced after their present use if the way in has changed. Then what was before is let
  // go.
  void begin_reload(Settings settings);
  std::vector<std::string> pool_names() const;
  void reload(const std::string& name);
  void end_reload();

  // Whether the host keys of these settings can be read; the error says which file and line.
  static connection::Result<void> check_host_keys(const config::Settings& settings);

  // The pool of a router that goes, for the caller to drain; null if there is none. Should the router come
  // back, or another name for it, that has another pool, which logs in when this one has drained.
  std::shared_ptr<connection::Pool> take_out(const std::string& name);
  // Logs out everywhere at once, at most until the context ends.
  connection::Awaitable<void> close(connection::Context ctx);

 private:
  Routers(boost::asio::any_io_executor loop, Settings settings, std::shared_ptr<spdlog::logger> log,
          Owner owner);
  void replace_jump_hosts();
  void leave(std::shared_ptr<connection::Pool> pool);
  void follow_leavers(connection::Pool& pool, const config::Router& router) const;
  static connection::Awaitable<void> drain(std::shared_ptr<connection::Pool> pool, connection::Context ctx);
  connection::PoolPolicy policy_of(const config::Router& router) const;

  std::unique_ptr<connection::SessionFactory> factory_for(const config::Router& router,
                                                          connection::RouterAccess::Use use,
                                                          connection::Trace trace);

  boost::asio::any_io_executor loop_;
  Settings settings_;
  Settings before_;  // while a reload is under way
  std::shared_ptr<spdlog::logger> log_;
  Owner owner_;
  connection::Resolver resolver_;
  connection::HostKeys host_keys_;
  connection::LockoutGuard lockout_;
  std::shared_ptr<connection::Gate> gate_;                    // of all logins
  std::shared_ptr<connection::Gate> key_exchanges_;           // of those that compute
  std::vector<std::shared_ptr<connection::JumpHost>> jumps_;  // one that others are behind stands before them
  std::vector<std::shared_ptr<connection::JumpHost>> former_jumps_;  // sessions may still go through them
  std::map<std::string, std::shared_ptr<connection::Pool>> pools_;
  struct Leaver {
    std::string address;
    std::uint16_t port;
    std::weak_ptr<connection::Pool> pool;
  };
  std::vector<Leaver> leavers_;  // taken out, and perhaps still logged in
};

// Where learned host keys are kept.
std::filesystem::path learned_host_keys_file(const config::Settings& settings);

}  // namespace linewatch::agent
