#include "aggregator/silent_close_guard.hpp"

#include <doctest/doctest.h>

using linewatch::aggregator::SilentCloseGuard;
using Send = SilentCloseGuard::Send;

namespace {

SilentCloseGuard impatient() {
  SilentCloseGuard guard;
  for (int i = 0; i < SilentCloseGuard::patience; ++i) {
    CHECK(guard.next() == Send::batch);
    guard.closed();
  }
  return guard;
}

}  // namespace

TEST_CASE("after some silent closes records go one by one, and back to batches after an answer") {
  SilentCloseGuard guard = impatient();
  CHECK(guard.next() == Send::one_record);
  guard.answered();
  CHECK(guard.next() == Send::batch);
}

TEST_CASE("a record is given up only while the server answers empty packets in between") {
  SilentCloseGuard guard = impatient();
  for (int i = 1; i <= SilentCloseGuard::patience; ++i) {
    CHECK(guard.next() == Send::one_record);
    guard.closed();
    CHECK(guard.next() == Send::empty_packet);
    CHECK(guard.empty_answered() == (i == SilentCloseGuard::patience));
  }
  CHECK(guard.next() == Send::one_record);  // the next one, until something is answered
}

TEST_CASE("a server that closes on everything costs no record") {
  SilentCloseGuard guard = impatient();
  for (int i = 0; i < 100; ++i) {
    CHECK(guard.next() == Send::one_record);
    guard.closed();
    CHECK(guard.next() == Send::empty_packet);
    if (i % 2 == 0)
      CHECK_FALSE(guard.empty_answered());
    else
      guard.other_failure();
  }
}
