#pragma once
// Protects accounts, not routers: an AAA server locks an account after about three rejected passwords,
// whichever routers they were typed on. After `rejections` in a row the credential rests everywhere for
// `retry`; then one login, the canary, tries, and its success frees all. One guard for all routers of a loop;
// use on that loop only.

#include <map>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

class LockoutGuard {
 public:
  // Whether `account` may be tried now; the error says since when and until when it rests. A yes while the
  // account is under suspicion makes the caller the canary: others wait for its report.
  Result<void> may_try(const std::string& account, const config::Lockout& rule, TimePoint now);
  void rejected(const std::string& account, const config::Lockout& rule, TimePoint now, std::string cause);
  void accepted(const std::string& account);
  void undecided(const std::string& account);  // the login failed for another reason

 private:
  struct Account {
    int rejections = 0;
    TimePoint rests_until{};
    std::chrono::system_clock::time_point rests_until_wall{};  // for people
    std::string cause;                                         // of the last rejection
    bool canary_out = false;
  };
  static std::string resting(const std::string& account, const Account& state);
  std::map<std::string, Account> accounts_;
};

// A factory that asks the guard before each login and reports to it afterwards. `guard` outlives it.
std::unique_ptr<SessionFactory> make_guarded_factory(LockoutGuard& guard,
                                                     const config::Credential& credential,
                                                     const std::string& router,
                                                     std::unique_ptr<SessionFactory> factory);

}  // namespace linewatch::connection
