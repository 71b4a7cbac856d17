#include "agent/routers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "agent/gather.hpp"
#include "config/difference.hpp"

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

Routers::Routers(boost::asio::any_io_executor loop, Settings settings, std::shared_ptr<spdlog::logger> log,
                 Owner owner)
    : loop_(std::move(loop)),
      settings_(std::move(settings)),
      log_(std::move(log)),
      owner_(owner),
      host_keys_(settings_->host_keys, learned_host_keys_file(*settings_)),
      lockout_(loop_, lockout_memory(*settings_, owner, *log_), log_),
      gate_(connection::Gate::make(loop_, gate_limits(settings_->connection.total))),
      key_exchanges_(connection::Gate::make(loop_, key_exchange_limits)) {}

Result<std::unique_ptr<Routers>> Routers::open(boost::asio::any_io_executor loop, Settings settings,
                                               std::shared_ptr<spdlog::logger> log, Owner owner) {
  std::unique_ptr<Routers> routers(new Routers(std::move(loop), std::move(settings), std::move(log), owner));
  Result<void> loaded = routers->host_keys_.load();
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return routers;
}

// What still waits there goes with the loop.
Routers::~Routers() {
  gate_->close();
  key_exchanges_->close();
}

connection::PoolPolicy Routers::policy_of(const config::Router& router) const {
  connection::PoolPolicy policy = connection::PoolPolicy::from(router.connection);
  if (owner_ == Owner::command) policy.min_connections = 0;
  return policy;
}

std::shared_ptr<connection::Pool> Routers::pool(const config::Router& router, connection::Trace trace) {
  auto& pool = pools_[router.name];
  if (pool) return pool;
  pool = connection::Pool::make(loop_, router.name, policy_of(router),
                                factory_for(router, use_of(router), std::move(trace)), log_, gate_);
  follow_leavers(*pool, router);
  return pool;
}

// The sessions of both would count on the device. It is known by what is written: a name and its address are
// two.
void Routers::follow_leavers(connection::Pool& pool, const config::Router& router) const {
  for (const Leaver& each : leavers_) {
    const auto leaver = each.pool.lock();
    if (leaver && each.address == router.address && each.port == router.port) pool.follow(leaver);
  }
}

std::shared_ptr<connection::JumpHost> Routers::way_to(const config::Router& router) {
  if (router.jump.empty()) return nullptr;
  for (const auto& jump : jumps_) {
    if (jump->name() == router.jump) return jump;
  }
  const config::Router& host = *settings_->router(router.jump);
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
  std::vector<connection::GuardedLogin> logins;
  for (const std::string& name : router.credentials) {
    const config::Credential& credential = settings_->credentials.at(name);
    access.credentials = {credential};
    logins.push_back(
        {lockout_.account(credential, router.name),
         connection::make_ssh_session_factory(loop_, resolver_, host_keys_, access, log_, trace)});
  }
  auto factory = connection::make_guarded_factory(lockout_, std::move(logins));
  if (!access.via) return factory;
  return connection::make_factory_behind(access.via, std::move(factory), router.name);
}

void Routers::begin_reload(Settings settings) {
  before_ = std::exchange(settings_, std::move(settings));
  gate_->set_limits(gate_limits(settings_->connection.total));
  if (before_->host_keys != settings_->host_keys) host_keys_.reconfigure(settings_->host_keys);
  if (const auto read = host_keys_.load(); !read)  // it could be read a moment ago
    log_->error("the host keys are as they were before the reload: {}", read.error().text);
  replace_jump_hosts();
}

// One that is as it was stays, with its connection. Through the others the sessions there are go on until
// they are replaced.
void Routers::replace_jump_hosts() {
  std::erase_if(former_jumps_, [](const auto& jump) { return jump.use_count() == 1; });
  std::vector<std::shared_ptr<connection::JumpHost>> kept;
  for (auto& jump : jumps_) {
    const config::Router* const was = before_->router(jump->name());
    const config::Router* const is = settings_->router(jump->name());
    const bool same = was && is && config::same_jump_host(*before_, *was, *settings_, *is);
    (same ? kept : former_jumps_).push_back(std::move(jump));
  }
  jumps_ = std::move(kept);
}

std::vector<std::string> Routers::pool_names() const {
  std::vector<std::string> names;
  names.reserve(pools_.size());
  for (const auto& [name, pool] : pools_) names.push_back(name);
  return names;
}

void Routers::reload(const std::string& name) {
  const auto found = pools_.find(name);
  const config::Router* const was = before_->router(name);
  const config::Router* const is = settings_->router(name);
  if (found == pools_.end()) return;
  if (!was || !is) return leave(take_out(name));  // made for a ping of a router that was not measured
  if (was->connection != is->connection) found->second->reconfigure(policy_of(*is));
  if (config::same_way_in(*before_, *was, *settings_, *is)) return;
  follow_leavers(*found->second, *is);
  found->second->renew(factory_for(*is, use_of(*is), {}));
}

// The pool ends by itself, as far as the time limit of a stop allows.
void Routers::leave(std::shared_ptr<connection::Pool> pool) {
  const connection::Context ctx = connection::Context().within(settings_->agent.stop_timeout);
  boost::asio::co_spawn(loop_, drain(std::move(pool), ctx), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

connection::Awaitable<void> Routers::drain(std::shared_ptr<connection::Pool> pool, connection::Context ctx) {
  co_await pool->drain(ctx);
}

void Routers::end_reload() {
  before_.reset();
}

Result<void> Routers::check_host_keys(const config::Settings& settings) {
  return connection::HostKeys(settings.host_keys, learned_host_keys_file(settings)).load();
}

std::shared_ptr<connection::Pool> Routers::take_out(const std::string& name) {
  auto taken = pools_.extract(name);
  if (taken.empty()) return nullptr;
  std::erase_if(leavers_, [](const Leaver& leaver) { return leaver.pool.expired(); });
  const config::Router* const router = (before_ ? before_ : settings_)->router(name);
  if (router) leavers_.push_back({router->address, router->port, taken.mapped()});
  return std::move(taken.mapped());
}

connection::Awaitable<void> Routers::close(connection::Context ctx) {
  std::vector<connection::Awaitable<void>> drains;
  for (auto& [name, pool] : pools_) drains.push_back(pool->drain(ctx));
  co_await gather(loop_, std::move(drains));
  for (auto& jump : former_jumps_) jumps_.push_back(std::move(jump));
  former_jumps_.clear();
  while (!jumps_.empty()) {  // the last is behind no later one
    const auto jump = std::move(jumps_.back());
    jumps_.pop_back();
    co_await jump->close(ctx);
  }
}

}  // namespace linewatch::agent
