#include "connection/pool/lockout.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stop_token>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

LockoutGuard::LockoutGuard(const asio::any_io_executor& loop)
    : loop_(loop), changed_(std::make_shared<asio::steady_timer>(loop, TimePoint::max())) {}

LockoutGuard::Admission LockoutGuard::decide(const std::string& account, const config::Lockout& rule,
                                             TimePoint now) {
  Account& state = accounts_[account];
  if (!state.proved) {
    const int left = rule.rejections - state.rejections;
    if (left <= 0 && now < state.rests_until) return Admission::rests;
    if (state.trying >= std::max(left, 1)) return Admission::wait;  // the canary goes alone
  }
  ++state.trying;
  return Admission::granted;
}

Awaitable<Result<void>> LockoutGuard::admit(Context ctx, std::string account, config::Lockout rule) {
  const auto changed = changed_;
  const auto loop = loop_;
  std::stop_callback on_stop(ctx.stop(),
                             [changed, loop] { asio::post(loop, [changed] { changed->cancel(); }); });
  for (;;) {
    if (ctx.stopped()) co_return fail(ErrorCode::cancelled, Phase::authentication, "cancelled");
    const TimePoint now = Clock::now();
    const Admission admission = decide(account, rule, now);
    if (admission == Admission::granted) co_return Result<void>();
    if (admission == Admission::rests) {
      co_return fail(ErrorCode::authentication, Phase::authentication, resting(account));
    }
    if (ctx.expired(now)) {
      co_return fail(
          ErrorCode::deadline, Phase::authentication,
          fmt::format(
              "credential '{}' has not proved good yet: other logins try it and got no answer in time",
              account));
    }
    // Whoever waits has a deadline of its own; it is watched by a timer of its own.
    asio::steady_timer deadline(loop);
    if (ctx.has_deadline()) {
      deadline.expires_at(ctx.deadline());
      deadline.async_wait([changed](boost::system::error_code cancelled) {
        if (!cancelled) changed->cancel();
      });
    }
    boost::system::error_code woken;
    co_await changed->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

void LockoutGuard::report(const std::string& account, const config::Lockout& rule, Outcome outcome,
                          TimePoint now, std::string cause) {
  Account& state = accounts_[account];
  --state.trying;
  switch (outcome) {
    case Outcome::accepted:
      state.proved = true;
      state.rejections = 0;
      break;
    case Outcome::rejected:
      state.proved = false;
      ++state.rejections;
      state.rests_until = now + rule.retry;
      state.rests_until_wall = std::chrono::system_clock::now() + rule.retry;
      state.cause = std::move(cause);
      break;
    case Outcome::undecided:
      break;
  }
  changed_->cancel();
}

std::string LockoutGuard::resting(const std::string& account) const {
  const Account& state = accounts_.at(account);
  return fmt::format(
      "credential '{}' rests until {:%F %T} UTC after {} rejected logins, so that the account is not locked; "
      "the last: {}",
      account, fmt::gmtime(std::chrono::system_clock::to_time_t(state.rests_until_wall)), state.rejections,
      state.cause);
}

std::string GuardedLogin::account_of(const config::Credential& credential, const std::string& router) {
  const bool per_router = credential.lockout.scope == config::Lockout::Scope::router;
  return per_router ? credential.name + " on " + router : credential.name;
}

namespace {

class GuardedFactory : public SessionFactory {
 public:
  GuardedFactory(LockoutGuard& guard, std::vector<GuardedLogin> logins)
      : guard_(guard), logins_(std::move(logins)) {}

  Awaitable<Result<std::unique_ptr<Session>>> login(Context ctx) override {
    Result<std::unique_ptr<Session>> result =
        fail(ErrorCode::authentication, Phase::authentication, "no credential is configured");
    for (GuardedLogin& each : logins_) {
      Result<void> admitted = co_await guard_.admit(ctx, each.account, each.rule);
      if (!admitted) {
        result = std::unexpected<Error>(std::move(admitted.error()));
      } else {
        result = co_await each.factory->login(ctx);
        report(each, result);
      }
      if (result || result.error().code != ErrorCode::authentication) break;
    }
    co_return result;
  }

 private:
  void report(const GuardedLogin& login, const Result<std::unique_ptr<Session>>& result) {
    using Outcome = LockoutGuard::Outcome;
    const TimePoint now = Clock::now();
    if (result) {
      guard_.report(login.account, login.rule, Outcome::accepted, now);
    } else if (result.error().code == ErrorCode::authentication) {
      guard_.report(login.account, login.rule, Outcome::rejected, now, result.error().text);
    } else {
      guard_.report(login.account, login.rule, Outcome::undecided, now);
    }
  }

  LockoutGuard& guard_;
  std::vector<GuardedLogin> logins_;
};

}  // namespace

std::unique_ptr<SessionFactory> make_guarded_factory(LockoutGuard& guard, std::vector<GuardedLogin> logins) {
  return std::make_unique<GuardedFactory>(guard, std::move(logins));
}

}  // namespace linewatch::connection
