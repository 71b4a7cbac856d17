#include "connection/pool/lockout.hpp"

#include <doctest/doctest.h>

using namespace linewatch;
using namespace std::chrono_literals;

TEST_CASE(
    "after two rejections an account rests everywhere, then one canary tries and its success frees all") {
  connection::LockoutGuard guard;
  const config::Lockout rule;
  connection::TimePoint now{1000s};
  CHECK(guard.may_try("backbone", rule, now));
  guard.rejected("backbone", rule, now, "r1: the router rejected the password of netmon");
  CHECK(guard.may_try("backbone", rule, now));
  guard.rejected("backbone", rule, now, "r1: the router rejected the password of netmon");

  const auto resting = guard.may_try("backbone", rule, now + 1min);
  REQUIRE_FALSE(resting);
  CHECK(resting.error().code == connection::ErrorCode::authentication);
  CHECK(resting.error().text.find("backbone") != std::string::npos);
  CHECK(resting.error().text.find(" UTC after 2 rejected logins") != std::string::npos);
  CHECK(resting.error().text.find("r1: the router rejected") != std::string::npos);
  CHECK(guard.may_try("backbone", rule, now + 2min).error().text ==
        resting.error().text);  // line.error is steady
  CHECK(guard.may_try("another", rule, now));

  now += 15min;
  CHECK(guard.may_try("backbone", rule, now));        // the canary
  CHECK_FALSE(guard.may_try("backbone", rule, now));  // nobody beside it
  SUBCASE("its success frees all") {
    guard.accepted("backbone");
    CHECK(guard.may_try("backbone", rule, now));
    CHECK(guard.may_try("backbone", rule, now));
  }
  SUBCASE("its rejection lets the account rest again") {
    guard.rejected("backbone", rule, now, "r1: the router rejected the password of netmon");
    CHECK_FALSE(guard.may_try("backbone", rule, now + 14min));
    CHECK(guard.may_try("backbone", rule, now + 15min));
  }
  SUBCASE("another failure makes room for another canary") {
    guard.undecided("backbone");
    CHECK(guard.may_try("backbone", rule, now));
  }
}
