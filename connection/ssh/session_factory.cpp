#include "connection/ssh/session_factory.hpp"

#include <spdlog/spdlog.h>

#include <csignal>
#include <map>
#include <utility>

#include "config/mask.hpp"
#include "connection/ssh/exec_session.hpp"
#include "connection/ssh/jump_connection.hpp"
#include "connection/ssh/private_keys.hpp"
#include "connection/ssh/random.hpp"
#include "connection/ssh/session.hpp"

namespace linewatch::connection {

namespace {

Peer peer_of(const RouterAccess& access) {
  return Peer{
      access.name, access.address,      access.port, access.legacy_ssh, access.connection.source_address,
      access.via,  access.key_exchanges};
}

// Should a socket be written to after its peer went: an error code, not the end of the process.
void ignore_broken_pipes() {
  struct sigaction now{};
  if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
}

class SshSessionFactory final : public SessionFactory {
 public:
  SshSessionFactory(boost::asio::any_io_executor loop, Resolver& resolver, HostKeys& host_keys,
                    RouterAccess access, std::shared_ptr<spdlog::logger> log, Trace trace)
      : loop_(std::move(loop)),
        resolver_(resolver),
        host_keys_(host_keys),
        access_(std::move(access)),
        log_(std::move(log)),
        trace_(std::move(trace)) {}

  Awaitable<Result<std::unique_ptr<Session>>> login(Context ctx) override;

 private:
  Awaitable<Result<std::unique_ptr<Session>>> login_as(Context ctx, const config::Credential& credential);
  void keep_key(const config::Credential& credential);
  Result<void> accept(const HostKey& key, const std::string& label);
  Result<void> learn(const HostKey& key, const std::string& label);
  std::unexpected<Error> refuse(const HostKey& key, const std::string& label, std::string_view why) const;
  std::unexpected<Error> explain(Error error, const Transport& transport) const;
  void note(std::string_view text) const {
    if (trace_) trace_(TraceDirection::note, text);
  }

  boost::asio::any_io_executor loop_;
  Resolver& resolver_;
  HostKeys& host_keys_;
  RouterAccess access_;
  std::shared_ptr<spdlog::logger> log_;
  Trace trace_;
  std::map<std::string, PrivateKey> keys_;  // by credential: read once, for this router's later logins
};

// The router's own words are part of many a cause, and it may have repeated what was typed.
void hide_secrets(std::string& text, const config::Credential& credential) {
  std::vector<config::Secret> secrets;
  if (credential.password) secrets.push_back(*credential.password);
  if (credential.enable_password) secrets.push_back(*credential.enable_password);
  config::mask(text, secrets);
}

// Each credential on a connection of its own: SSH servers end a connection on which the user name changes,
// and count the tries on each.
Awaitable<Result<std::unique_ptr<Session>>> SshSessionFactory::login(Context ctx) {
  Result<std::unique_ptr<Session>> result = fail(ErrorCode::authentication, Phase::authentication,
                                                 peer_of(access_).label() + ": no credential is configured");
  for (const config::Credential& credential : access_.credentials) {
    result = co_await login_as(ctx, credential);
    if (!result) hide_secrets(result.error().text, credential);
    if (result || !of_the_credential(result.error().code)) break;
    note(result.error().text);
  }
  co_return result;
}

Awaitable<Result<std::unique_ptr<Session>>> SshSessionFactory::login_as(
    Context ctx, const config::Credential& credential) {
  auto transport = std::make_unique<Transport>(loop_, peer_of(access_));
  const std::string label = transport->peer().label();
  note("connecting to " + label);
  keep_key(credential);
  std::vector<HostKey> known = host_keys_.known(access_.address, access_.port);
  auto shown = co_await transport->connect(ctx, resolver_, std::move(known));
  if (!shown) co_return explain(std::move(shown.error()), *transport);
  note("host key " + shown->type + ' ' + shown->fingerprint());
  if (auto accepted = accept(*shown, label); !accepted)
    co_return std::unexpected<Error>(std::move(accepted.error()));
  auto authenticated = co_await transport->authenticate(ctx, credential);
  if (!authenticated) co_return explain(std::move(authenticated.error()), *transport);
  note("logged in as " + credential.username);
  std::unique_ptr<Session> ready;
  if (access_.use == RouterAccess::Use::jump) {
    ready = std::make_unique<JumpConnection>(loop_, std::move(transport),
                                             access_.connection.health_check_timeout);
    co_return ready;
  }
  if (access_.use == RouterAccess::Use::exec) {
    ExecSettings settings;
    settings.platform = access_.platform;
    settings.read_timeout = access_.connection.read_timeout;
    settings.trace = trace_;
    ready = std::make_unique<ExecSession>(std::move(transport), std::move(settings));
    co_return ready;
  }
  auto opened = co_await transport->open_shell(ctx);
  if (!opened) co_return explain(std::move(opened.error()), *transport);

  DriverSettings settings;
  settings.label = label;
  settings.platform = access_.platform;
  settings.enable_password = credential.enable_password;
  settings.username = credential.username;
  settings.password = credential.password;
  settings.read_timeout = access_.connection.read_timeout;
  settings.write_timeout = access_.connection.write_timeout;
  settings.log = log_;
  settings.trace = trace_;
  auto session = std::make_unique<SshSession>(std::move(transport), std::move(settings));
  auto prompted = co_await session->login(ctx);
  if (!prompted) {
    // Logged in but of no use: leave as politely as one can in a moment, so that no line stays taken.
    const Context leave = ctx.within(std::chrono::seconds(1));
    co_await session->close(leave);
    co_return std::unexpected<Error>(std::move(prompted.error()));
  }
  note("prompt " + session->prompt());
  ready = std::move(session);
  co_return ready;
}

void SshSessionFactory::keep_key(const config::Credential& credential) {
  if (credential.private_key.empty() || keys_.contains(credential.name)) return;
  const config::Secret* const passphrase =
      credential.private_key_passphrase ? &*credential.private_key_passphrase : nullptr;
  if (PrivateKey key = import_private_key(credential.private_key, passphrase))
    keys_[credential.name] = std::move(key);
}

Result<void> SshSessionFactory::accept(const HostKey& key, const std::string& label) {
  using Policy = config::HostKeySettings::Policy;
  const Policy policy = host_keys_.policy();
  HostKeys::Verdict verdict = host_keys_.verdict(access_.address, access_.port, key);
  if (verdict != HostKeys::Verdict::known) {  // somebody may have said meanwhile that it is right
    const auto read_again = host_keys_.refresh();
    if (!read_again && log_) log_->warn("host keys stay as they were: {}", read_again.error().text);
    if (read_again && *read_again) verdict = host_keys_.verdict(access_.address, access_.port, key);
  }
  switch (verdict) {
    case HostKeys::Verdict::known:
      return {};
    case HostKeys::Verdict::revoked:
      return refuse(key, label, "is revoked");
    case HostKeys::Verdict::changed:
      if (policy == Policy::off) return {};
      return refuse(key, label,
                    "is not the one that is known (the router was replaced, or somebody is in between)");
    case HostKeys::Verdict::unknown:
      if (policy == Policy::off) return {};
      if (policy == Policy::strict) return refuse(key, label, "is unknown");
      return learn(key, label);
  }
  return {};
}

Result<void> SshSessionFactory::learn(const HostKey& key, const std::string& label) {
  Result<void> learned = host_keys_.learn(access_.address, access_.port, key);
  if (learned && log_) {
    log_->info("host key learned router=\"{}\" type={} fingerprint={}", label, key.type, key.fingerprint());
  }
  return learned;
}

std::unexpected<Error> SshSessionFactory::refuse(const HostKey& key, const std::string& label,
                                                 std::string_view why) const {
  std::string text = label + ": the host key " + key.type + ' ' + key.fingerprint() + ' ' + std::string(why);
  text += why == "is revoked" ? "; the router needs a new one"
                              : "; if it is right: linewatch hostkey accept " + access_.name;
  return fail(ErrorCode::host_key, Phase::host_key, std::move(text));
}

// A router without a free line often says so before the shell, and closes.
std::unexpected<Error> SshSessionFactory::explain(Error error, const Transport& transport) const {
  if (error.code == ErrorCode::closed || error.code == ErrorCode::protocol) {
    const std::string said = error.text + '\n' + transport.banner();
    for (const config::Pattern& limit : access_.platform->cli.session_limits) {
      if (limit && RE2::PartialMatch(said, limit.re())) error.code = ErrorCode::session_limit;
    }
  }
  return std::unexpected<Error>(std::move(error));
}

}  // namespace

std::unique_ptr<SessionFactory> make_ssh_session_factory(boost::asio::any_io_executor loop,
                                                         Resolver& resolver, HostKeys& host_keys,
                                                         RouterAccess access,
                                                         std::shared_ptr<spdlog::logger> log, Trace trace) {
  ignore_broken_pipes();
  buffer_random_octets();
  return std::make_unique<SshSessionFactory>(std::move(loop), resolver, host_keys, std::move(access),
                                             std::move(log), std::move(trace));
}

Awaitable<Result<HostKey>> scan_host_key(Context ctx, Resolver& resolver, Peer peer) {
  const boost::asio::any_io_executor loop = co_await boost::asio::this_coro::executor;
  if (peer.via) {
    auto ready = co_await peer.via->ready(ctx);
    if (!ready) co_return std::unexpected<Error>(std::move(ready.error()));
  }
  Transport transport(loop, std::move(peer));
  std::vector<HostKey> none;
  auto shown = co_await transport.connect(ctx, resolver, std::move(none));
  co_return shown;
}

}  // namespace linewatch::connection
