#pragma once
// Protects accounts, not routers: an AAA server locks an account after about three rejected passwords,
// whichever routers they were typed on. Until an account has proved good, only as many logins try it at once
// as it may be rejected; the others wait for their outcome. After `rejections` in a row the credential rests
// everywhere for `retry`; then one login, the canary, tries, and its success frees all. What was rejected is
// remembered over a restart. One guard for all routers of a loop; use on that loop only.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "config/settings.hpp"
#include "connection/pool/lockout_memory.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

// Who is protected. A changed credential is another account: it is free at once.
struct Account {
  std::string name;      // for people
  std::string identity;  // LockoutMemory::identity()
  config::Lockout rule;
};

class LockoutGuard {
 public:
  enum class Admission { granted, wait, rests };
  enum class Outcome { accepted, rejected, undecided };  // undecided: the login failed for another reason

  explicit LockoutGuard(const boost::asio::any_io_executor& loop, LockoutMemory memory = {},
                        std::shared_ptr<spdlog::logger> log = nullptr);

  // Waits for leave to try `account`; every leave is followed by one report(). The error says until when the
  // account rests and why, or that the context ended.
  Awaitable<Result<void>> admit(Context ctx, Account account);
  void report(const Account& account, Outcome outcome, TimePoint now, std::string cause = {});

  // The decision alone; `granted` counts as a try until it is reported.
  Admission decide(const Account& account, TimePoint now);
  // A steady text, the same for every turn until the next try, since it becomes line.error.
  std::string resting(const Account& account) const;

  Account account(const config::Credential& credential, const std::string& router) const;

 private:
  struct State {
    bool proved = false;  // accepted since its last rejection
    int rejections = 0;   // in a row
    int trying = 0;       // logins under way
    TimePoint rests_until{};
    std::chrono::system_clock::time_point rests_until_wall{};  // for people
    std::string cause;                                         // of the last rejection
  };

  void remember(const Account& account, const State& state);

  boost::asio::any_io_executor loop_;
  LockoutMemory memory_;
  std::shared_ptr<spdlog::logger> log_;
  std::map<std::string, State> accounts_;  // by identity
  // Never expires; cancelled at each report. Shared with the stop callbacks of those who wait.
  std::shared_ptr<boost::asio::steady_timer> changed_;
};

// One credential of a router: who is protected, and the login with it.
struct GuardedLogin {
  Account account;
  std::unique_ptr<SessionFactory> factory;
};

// Tries the logins in order, the next only after a rejection or while one rests. `guard` outlives the
// factory.
std::unique_ptr<SessionFactory> make_guarded_factory(LockoutGuard& guard, std::vector<GuardedLogin> logins);

}  // namespace linewatch::connection
