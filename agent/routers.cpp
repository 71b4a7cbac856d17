#include "agent/routers.hpp"

#include <utility>

#include "agent/gather.hpp"

namespace linewatch::agent {

using connection::Result;

std::filesystem::path learned_host_keys_file(const config::Settings& settings) {
  return settings.agent.state_dir / "known_hosts";
}

namespace {

// A router that is configured in a way this version cannot serve is refused, not served in another way.
class RefusingFactory : public connection::SessionFactory {
 public:
  explicit RefusingFactory(std::string why) : why_(std::move(why)) {}
  connection::Awaitable<Result<std::unique_ptr<connection::Session>>> login(connection::Context) override {
    co_return connection::fail(connection::ErrorCode::not_supported, connection::Phase::tcp_connect, why_);
  }

 private:
  std::string why_;
};

connection::GateLimits gate_limits(const config::TotalLimits& total) {
  return {total.sessions, total.logins, static_cast<double>(total.logins_per_second)};
}

connection::LockoutMemory lockout_memory(const config::Settings& settings, Routers::Owner owner,
                                         spdlog::logger& log) {
  if (owner == Routers::Owner::command) return connection::LockoutMemory::look(settings.agent.state_dir);
  auto memory = connection::LockoutMemory::open(settings.agent.state_dir);
  if (memory) return std::move(*memory);
  log.warn("rejected credentials are not remembered over a restart: {}", memory.error().text);
  return {};
}

}  // namespace

Routers::Routers(boost::asio::any_io_executor loop, const config::Settings& settings,
                 std::shared_ptr<spdlog::logger> log, Owner owner)
    : loop_(std::move(loop)),
      settings_(settings),
      log_(std::move(log)),
      owner_(owner),
      host_keys_(settings.host_keys, learned_host_keys_file(settings)),
      lockout_(loop_, lockout_memory(settings, owner, *log_), log_),
      gate_(connection::Gate::make(loop_, gate_limits(settings.connection.total))) {}

Result<std::unique_ptr<Routers>> Routers::open(boost::asio::any_io_executor loop,
                                               const config::Settings& settings,
                                               std::shared_ptr<spdlog::logger> log, Owner owner) {
  std::unique_ptr<Routers> routers(new Routers(std::move(loop), settings, std::move(log), owner));
  Result<void> loaded = routers->host_keys_.load();
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return routers;
}

std::shared_ptr<connection::Pool> Routers::pool(const config::Router& router, connection::Trace trace) {
  auto& pool = pools_[router.name];
  if (pool) return pool;
  connection::PoolPolicy policy = connection::PoolPolicy::from(router.connection);
  if (owner_ == Owner::command) policy.min_connections = 0;
  pool =
      connection::Pool::make(loop_, router.name, policy, factory_for(router, std::move(trace)), log_, gate_);
  return pool;
}

std::unique_ptr<connection::SessionFactory> Routers::factory_for(const config::Router& router,
                                                                 connection::Trace trace) {
  if (!router.jump.empty()) {
    return std::make_unique<RefusingFactory>(router.name + ": a jump host is not supported in this version");
  }
  if (router.protocol == config::Protocol::exec) {
    return std::make_unique<RefusingFactory>(router.name +
                                             ": protocol exec is not supported in this version");
  }
  connection::RouterAccess access;
  access.name = router.name;
  access.address = router.address;
  access.port = router.port;
  access.platform = router.platform;
  access.legacy_ssh = router.legacy_ssh;
  access.connection = router.connection;
  std::vector<connection::GuardedLogin> logins;
  for (const std::string& name : router.credentials) {
    const config::Credential& credential = settings_.credentials.at(name);
    access.credentials = {credential};
    logins.push_back(
        {lockout_.account(credential, router.name),
         connection::make_ssh_session_factory(loop_, resolver_, host_keys_, access, log_, trace)});
  }
  return connection::make_guarded_factory(lockout_, std::move(logins));
}

connection::Awaitable<void> Routers::close(connection::Context ctx) {
  std::vector<connection::Awaitable<void>> drains;
  for (auto& [name, pool] : pools_) drains.push_back(pool->drain(ctx));
  co_await gather(loop_, std::move(drains));
}

}  // namespace linewatch::agent
