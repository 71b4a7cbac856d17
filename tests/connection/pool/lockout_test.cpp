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
  guard.rejected("backbone", rule, now);
  CHECK(guard.may_try("backbone", rule, now));
  guard.rejected("backbone", rule, now);

  const auto resting = guard.may_try("backbone", rule, now + 1min);
  REQUIRE_FALSE(resting);
  CHECK(resting.error().code == connection::ErrorCode::authentication);
  CHECK(resting.error().text.find("backbone") != std::string::npos);
  CHECK(resting.error().text.find("14m") != std::string::npos);
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
    guard.rejected("backbone", rule, now);
    CHECK_FALSE(guard.may_try("backbone", rule, now + 14min));
    CHECK(guard.may_try("backbone", rule, now + 15min));
  }
  SUBCASE("another failure makes room for another canary") {
    guard.undecided("backbone");
    CHECK(guard.may_try("backbone", rule, now));
  }
}
