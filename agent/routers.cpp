#include "agent/routers.hpp"

#include <utility>

#include "agent/gather.hpp"

namespace linewatch::agent {

using connection::Result;

std::filesystem::path learned_host_keys_file(const config::Settings& settings) {
  return settings.agent.state_dir / "known_hosts";
}

namespace {

connection::RouterAccess::Use use_of(const config::Router& router) {
  using Use = connection::RouterAccess::Use;
  return router.protocol == config::Protocol::exec ? Use::exec : Use::shell;
}

// facts of libssh on one core: with 8 at a time commands of others are late by some milliseconds, with 32 by
// tens
constexpr connection::GateLimits key_exchange_limits{
    .sessions = 1 << 30, .logins = 8, .logins_per_second = 1e12};

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
      gate_(connection::Gate::make(loop_, gate_limits(settings.connection.total))),
      key_exchanges_(connection::Gate::make(loop_, key_exchange_limits)),
      hang_ups_(connection::HangUps::make(loop_)) {}

Result<std::unique_ptr<Routers>> Routers::open(boost::asio::any_io_executor loop,
                                               const config::Settings& settings,
                                               std::shared_ptr<spdlog::logger> log, Owner owner) {
  std::unique_ptr<Routers> routers(new Routers(std::move(loop), settings, std::move(log), owner));
  Result<void> loaded = routers->host_keys_.load();
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return routers;
}

// What still waits there goes with the loop.
Routers::~Routers() {
  gate_->close();
  key_exchanges_->close();
}

std::shared_ptr<connection::Pool> Routers::pool(const config::Router& router, connection::Trace trace) {
  auto& pool = pools_[router.name];
  if (pool) return pool;
  connection::PoolPolicy policy = connection::PoolPolicy::from(router.connection);
  if (owner_ == Owner::command) policy.min_connections = 0;
  pool = connection::Pool::make(loop_, router.name, policy,
                                factory_for(router, use_of(router), std::move(trace)), log_, gate_);
  return pool;
}

std::shared_ptr<connection::JumpHost> Routers::way_to(const config::Router& router) {
  if (router.jump.empty()) return nullptr;
  for (const auto& jump : jumps_) {
    if (jump->name() == router.jump) return jump;
  }
  const config::Router& host = *settings_.router(router.jump);
  auto factory = factory_for(host, connection::RouterAccess::Use::jump, {});  // those on the way to it first
  jumps_.push_back(connection::JumpHost::make(loop_, host.name, host.connection, std::move(factory), log_));
  return jumps_.back();
}

std::unique_ptr<connection::SessionFactory> Routers::factory_for(const config::Router& router,
                                                                 connection::RouterAccess::Use use,
                                                                 connection::Trace trace) {
  connection::RouterAccess access;
  access.name = router.name;
  access.address = router.address;
  access.port = router.port;
  access.platform = router.platform;
  access.legacy_ssh = router.legacy_ssh;
  access.connection = router.connection;
  access.via = way_to(router);
  access.use = use;
  access.key_exchanges = key_exchanges_;
  access.hang_ups = hang_ups_;
  std::vector<connection::GuardedLogin> logins;
  for (const std::string& name : router.credentials) {
    const config::Credential& credential = settings_.credentials.at(name);
    access.credentials = {credential};
    logins.push_back(
        {lockout_.account(credential, router.name),
         connection::make_ssh_session_factory(loop_, resolver_, host_keys_, access, log_, trace)});
  }
  auto factory = connection::make_guarded_factory(lockout_, std::move(logins));
  if (!access.via) return factory;
  return connection::make_factory_behind(access.via, std::move(factory), router.name);
}

connection::Awaitable<void> Routers::close(connection::Context ctx) {
  std::vector<connection::Awaitable<void>> drains;
  for (auto& [name, pool] : pools_) drains.push_back(pool->drain(ctx));
  co_await gather(loop_, std::move(drains));
  while (!jumps_.empty()) {  // the last is behind no later one
    const auto jump = std::move(jumps_.back());
    jumps_.pop_back();
    co_await jump->close(ctx);
  }
}

}  // namespace linewatch::agent
