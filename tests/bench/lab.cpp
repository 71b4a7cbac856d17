#include "tests/bench/lab.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <boost/asio/co_spawn.hpp>
#include <charconv>
#include <utility>

#include "config/platform_loader.hpp"
#include "connection/ssh/session_factory.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

using namespace connection;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const config::Platform> cisco() {
  config::Platforms platforms;
  config::Problems problems;
  const std::string text(config::builtin_profile_text("cisco_iosxe"));
  config::load_profiles({{"cisco_iosxe.yaml", text, "built in"}}, platforms, problems);
  auto platform = platforms.find("cisco_iosxe");
  if (!platform) give_up("the platform's profile cannot be read");
  return platform;
}

std::shared_ptr<spdlog::logger> error_log() {
  auto log = std::make_shared<spdlog::logger>("bench", std::make_shared<spdlog::sinks::stderr_sink_st>());
  log->set_level(spdlog::level::warn);
  return log;
}

}  // namespace

Server parse_server(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Server server;
  if (colon == std::string::npos) give_up("a server is ADDRESS:PORT, not " + text);
  server.address = text.substr(0, colon);
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), server.port);
  return server;
}

Lab::Lab(Server server)
    : server_(std::move(server)),
      resolver_(1),
      host_keys_({config::HostKeySettings::Policy::off, "/nonexistent"}, "/nonexistent"),
      hang_ups_(HangUps::make(loop_.get_executor())),
      platform_(cisco()),
      log_(error_log()) {}

std::unique_ptr<SessionFactory> Lab::factory(const std::string& router) {
  RouterAccess access;
  access.name = router;
  access.address = server_.address;
  access.port = server_.port;
  access.platform = platform_;
  access.hang_ups = hang_ups_;
  config::Credential credential;
  credential.name = "bench";
  credential.username = user;
  credential.password = config::Secret(password);
  access.credentials = {credential};
  return make_ssh_session_factory(loop_.get_executor(), resolver_, host_keys_, std::move(access), log_);
}

std::shared_ptr<Pool> Lab::pool(const std::string& router, PoolPolicy policy) {
  return pool(router, policy, factory(router));
}

std::shared_ptr<Pool> Lab::pool(const std::string& router, PoolPolicy policy,
                                std::unique_ptr<SessionFactory> factory) {
  return Pool::make(loop_.get_executor(), router, policy, std::move(factory), log_);
}

void Lab::start(Awaitable<void> task) {
  ++running_;
  boost::asio::co_spawn(loop_, std::move(task), [this](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
    if (--running_ == 0) loop_.stop();
  });
}

void Lab::run() {
  loop_.restart();
  if (running_ > 0) loop_.run();
}

Fleet::Fleet(Lab& lab, int routers) : lab_(lab) {
  PoolPolicy policy;
  policy.max_connections = policy.min_connections = 1;
  policy.max_uses = 1'000'000'000;
  for (int i = 0; i < routers; ++i) pools_.push_back(lab_.pool("router-" + std::to_string(i), policy));
}

Fleet::~Fleet() {
  for (auto& pool : pools_) lab_.start(pool->drain(Context().within(20s)));
  lab_.run();
}

void Fleet::open(int at_once) {
  opened_ = 0;
  for (int i = 0; i < at_once; ++i) lab_.start(open_some());
  lab_.run();
}

Awaitable<void> Fleet::open_some() {
  while (opened_ < pools_.size()) {
    Pool& pool = *pools_[opened_++];
    const Context ctx = Context().within(60s);
    auto lease = co_await pool.acquire(ctx);
    if (!lease) give_up("no session: " + lease.error().text);
  }
}

void Fleet::type(int commands) {
  for (auto& pool : pools_) lab_.start(type_on(*pool, commands));
  lab_.run();
}

Awaitable<void> Fleet::type_on(Pool& pool, int commands) {
  std::stop_source stop;  // as every task of an agent has one
  for (int i = 0; i < commands; ++i) {
    const Context ctx = Context(TimePoint::max(), stop.get_token()).within(60s);
    auto lease = co_await pool.acquire(ctx);
    if (!lease) give_up("no session: " + lease.error().text);
    Command command;
    command.text = ping;
    Session& session = lease->session();
    auto output = co_await session.run(ctx, std::move(command));
    if (!output) give_up("no answer: " + output.error().text);
    if (output->text.find("(5/5)") == std::string::npos) give_up("not a ping's answer: " + output->text);
  }
}

}  // namespace linewatch::bench
