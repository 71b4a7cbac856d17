#include "connection/pool/lockout.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

namespace linewatch::connection {

// A steady text, the same for every turn until the next try: it becomes line.error.
std::string LockoutGuard::resting(const std::string& account, const Account& state) {
  return fmt::format(
      "credential '{}' rests until {:%F %T} UTC after {} rejected logins, so that the account is not locked; "
      "the last: {}",
      account, fmt::gmtime(std::chrono::system_clock::to_time_t(state.rests_until_wall)), state.rejections,
      state.cause);
}

Result<void> LockoutGuard::may_try(const std::string& account, const config::Lockout& rule, TimePoint now) {
  Account& state = accounts_[account];
  if (state.rejections < rule.rejections) return {};
  if (now < state.rests_until) {
    return fail(ErrorCode::authentication, Phase::authentication, resting(account, state));
  }
  if (state.canary_out)
    return fail(ErrorCode::authentication, Phase::authentication, resting(account, state));
  state.canary_out = true;
  return {};
}

void LockoutGuard::rejected(const std::string& account, const config::Lockout& rule, TimePoint now,
                            std::string cause) {
  Account& state = accounts_[account];
  ++state.rejections;
  state.canary_out = false;
  state.rests_until = now + rule.retry;
  state.rests_until_wall = std::chrono::system_clock::now() + rule.retry;
  state.cause = std::move(cause);
}

void LockoutGuard::accepted(const std::string& account) {
  accounts_.erase(account);
}

void LockoutGuard::undecided(const std::string& account) {
  accounts_[account].canary_out = false;
}

namespace {

class GuardedFactory : public SessionFactory {
 public:
  GuardedFactory(LockoutGuard& guard, std::string account, config::Lockout rule,
                 std::unique_ptr<SessionFactory> factory)
      : guard_(guard), account_(std::move(account)), rule_(rule), factory_(std::move(factory)) {}

  Awaitable<Result<std::unique_ptr<Session>>> login(Context ctx) override {
    Result<void> allowed = guard_.may_try(account_, rule_, Clock::now());
    if (!allowed) co_return std::unexpected(std::move(allowed.error()));
    Result<std::unique_ptr<Session>> session = co_await factory_->login(ctx);
    if (session) {
      guard_.accepted(account_);
    } else if (session.error().code == ErrorCode::authentication) {
      guard_.rejected(account_, rule_, Clock::now(), session.error().text);
    } else {
      guard_.undecided(account_);
    }
    co_return session;
  }

 private:
  LockoutGuard& guard_;
  std::string account_;
  config::Lockout rule_;
  std::unique_ptr<SessionFactory> factory_;
};

}  // namespace

std::unique_ptr<SessionFactory> make_guarded_factory(LockoutGuard& guard,
                                                     const config::Credential& credential,
                                                     const std::string& router,
                                                     std::unique_ptr<SessionFactory> factory) {
  std::string account = credential.name;
  if (credential.lockout.scope == config::Lockout::Scope::router) account += " on " + router;
  return std::make_unique<GuardedFactory>(guard, std::move(account), credential.lockout, std::move(factory));
}

}  // namespace linewatch::connection
