#include "connection/pool/lockout.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stop_token>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

LockoutGuard::LockoutGuard(const asio::any_io_executor& loop, LockoutMemory memory,
                           std::shared_ptr<spdlog::logger> log)
    : loop_(loop),
      memory_(std::move(memory)),
      log_(std::move(log)),
      changed_(std::make_shared<asio::steady_timer>(loop, TimePoint::max())) {
  memory_.log_to(log_);
  const auto wall = std::chrono::system_clock::now();
  const TimePoint now = Clock::now();
  for (const auto& [identity, rejections] : memory_.all()) {
    State& state = accounts_[identity];
    state.rejections = rejections.count;
    state.rests_until_wall = rejections.rests_until;
    state.rests_until = now + std::chrono::duration_cast<Clock::duration>(rejections.rests_until - wall);
    state.cause = rejections.cause;
  }
}

Account LockoutGuard::account(const config::Credential& credential, const std::string& router) const {
  const bool per_router = credential.lockout.scope == config::Lockout::Scope::router;
  return {per_router ? credential.name + " on " + router : credential.name,
          memory_.identity(credential, router), credential.lockout};
}

LockoutGuard::Admission LockoutGuard::decide(const Account& account, TimePoint now) {
  State& state = accounts_[account.identity];
  if (!state.proved) {
    const int left = account.rule.rejections - state.rejections;
    // A wall clock that was set back must not let a remembered one rest for longer than the rule.
    state.rests_until = std::min(state.rests_until, now + account.rule.retry);
    state.rests_until_wall =
        std::min(state.rests_until_wall, std::chrono::system_clock::now() + account.rule.retry);
    if (left <= 0 && now < state.rests_until) return Admission::rests;
    if (state.trying >= std::max(left, 1)) return Admission::wait;  // the canary goes alone
  }
  ++state.trying;
  return Admission::granted;
}

Awaitable<Result<void>> LockoutGuard::admit(Context ctx, Account account) {
  const auto changed = changed_;
  const auto loop = loop_;
  std::stop_callback on_stop(ctx.stop(),
                             [changed, loop] { asio::post(loop, [changed] { changed->cancel(); }); });
  for (;;) {
    if (ctx.stopped()) co_return fail(ErrorCode::cancelled, Phase::authentication, "cancelled");
    const TimePoint now = Clock::now();
    const Admission admission = decide(account, now);
    if (admission == Admission::granted) co_return Result<void>();
    if (admission == Admission::rests) {
      co_return fail(ErrorCode::authentication, Phase::authentication, resting(account));
    }
    if (ctx.expired(now)) {
      co_return fail(
          ErrorCode::deadline, Phase::authentication,
          fmt::format(
              "credential '{}' has not proved good yet: other logins try it and got no answer in time",
              account.name));
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

void LockoutGuard::report(const Account& account, Outcome outcome, TimePoint now, std::string cause) {
  State& state = accounts_[account.identity];
  --state.trying;
  switch (outcome) {
    case Outcome::accepted:
      state.proved = true;
      if (std::exchange(state.rejections, 0) > 0) remember(account, state);
      break;
    case Outcome::rejected:
      state.proved = false;
      ++state.rejections;
      state.rests_until = now + account.rule.retry;
      state.rests_until_wall = std::chrono::system_clock::now() + account.rule.retry;
      state.cause = std::move(cause);
      remember(account, state);
      break;
    case Outcome::undecided:
      break;
  }
  changed_->cancel();
}

void LockoutGuard::remember(const Account& account, const State& state) {
  if (state.rejections == 0) {
    memory_.forget(account.identity);
  } else {
    memory_.remember(account.identity, {state.rejections, state.rests_until_wall, state.cause});
  }
}

std::string LockoutGuard::resting(const Account& account) const {
  const State& state = accounts_.at(account.identity);
  return fmt::format(
      "credential '{}' rests until {:%F %T} UTC after {} rejected logins, so that the account is not locked; "
      "the last: {}",
      account.name, fmt::gmtime(std::chrono::system_clock::to_time_t(state.rests_until_wall)),
      state.rejections, state.cause);
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
      const TimePoint asked = Clock::now();
      Result<void> admitted = co_await guard_.admit(ctx, each.account);
      if (admitted && ctx.has_deadline() && Clock::now() - asked > (ctx.deadline() - asked) / 2) {
        // With what is left of its time a good router would seem a silent one: the next try has all of it.
        guard_.report(each.account, LockoutGuard::Outcome::undecided, Clock::now());
        admitted =
            fail(ErrorCode::deadline, Phase::authentication,
                 fmt::format("credential '{}' had to prove good elsewhere first, and little time was left",
                             each.account.name));
      }
      if (!admitted) {
        result = std::unexpected<Error>(std::move(admitted.error()));
      } else {
        result = co_await each.factory->login(ctx);
        report(each, result);
      }
      if (result || !of_the_credential(result.error().code)) break;
    }
    co_return result;
  }

 private:
  void report(const GuardedLogin& login, const Result<std::unique_ptr<Session>>& result) {
    using Outcome = LockoutGuard::Outcome;
    const TimePoint now = Clock::now();
    if (result) {
      guard_.report(login.account, Outcome::accepted, now);
    } else if (result.error().code == ErrorCode::authentication) {
      guard_.report(login.account, Outcome::rejected, now, result.error().text);
    } else {
      guard_.report(login.account, Outcome::undecided, now);
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
