#include "connection/pool/core.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace linewatch::connection;
using namespace std::chrono_literals;

namespace {

PoolPolicy small_policy(int max, int min = 0) {
  PoolPolicy policy;
  policy.max_connections = max;
  policy.min_connections = min;
  policy.max_waiters = 5;
  return policy;
}

// A core with its virtual clock; take() hands out the actions since the last call.
struct World {
  explicit World(PoolPolicy policy) : core("r1", policy, 7, now) {}
  std::vector<Action> take() { return std::exchange(core.actions(), {}); }
  WaiterId acquire(Clock::duration limit = 60s) { return core.acquire(now, now + limit); }
  Action only(Action::Kind kind) {
    auto actions = take();
    REQUIRE(actions.size() == 1);
    REQUIRE(actions[0].kind == kind);
    return actions[0];
  }
  Ticket logged_in() {  // one waiter, its login, its grant
    acquire();
    const Ticket login = only(Action::Kind::login).ticket;
    core.login_succeeded(now, login);
    return only(Action::Kind::grant).ticket;
  }
  Error refused() { return Error{ErrorCode::unreachable, Phase::tcp_connect, "r1: connection refused"}; }

  TimePoint now{1000s};
  PoolCore core;
};

}  // namespace

TEST_CASE("a waiter gets a login, the login's session, and a clean session is used again") {
  World world(small_policy(2));
  const WaiterId first = world.acquire();
  const Action login = world.only(Action::Kind::login);
  CHECK(world.core.count(SlotState::connecting) == 1);
  world.core.login_succeeded(world.now, login.ticket);
  const Action grant = world.only(Action::Kind::grant);
  CHECK(grant.waiter == first);
  CHECK(grant.fresh);
  world.core.release(world.now, grant.ticket, Returned::clean);
  CHECK(world.take().empty());
  world.acquire();
  CHECK_FALSE(world.only(Action::Kind::grant).fresh);
  CHECK(world.core.statistics().reused == 1);
}

TEST_CASE("never more logins than slots, however many wait") {
  World world(small_policy(2));
  for (int i = 0; i < 5; ++i) world.acquire();
  CHECK(world.take().size() == 2);
  CHECK(world.core.live() == 2);
  CHECK(world.core.waiting() == 5);
}

TEST_CASE("a slot that is closing is not free until the close is confirmed") {
  World world(small_policy(1));
  const Ticket lease = world.logged_in();
  world.core.release(world.now, lease, Returned::lost);
  const Ticket closing = world.only(Action::Kind::close).ticket;
  world.acquire();
  CHECK(world.take().empty());
  world.core.close_finished(world.now, closing);
  world.only(Action::Kind::login);
}

TEST_CASE("waiters are served in the order they came") {
  World world(small_policy(1));
  const Ticket lease = world.logged_in();
  const WaiterId second = world.acquire();
  const WaiterId third = world.acquire();
  world.core.release(world.now, lease, Returned::clean);
  const Action grant = world.only(Action::Kind::grant);
  CHECK(grant.waiter == second);
  world.core.release(world.now, grant.ticket, Returned::clean);
  CHECK(world.only(Action::Kind::grant).waiter == third);
}

TEST_CASE("a waiter out of time is told limit, waiters, time waited and the last login error") {
  World world(small_policy(2));
  const Ticket lease = world.logged_in();
  world.acquire(10s);
  const Ticket second = world.only(Action::Kind::login).ticket;
  world.core.login_failed(world.now, second, world.refused());
  CHECK(world.take().empty());                       // the first session still serves
  CHECK(world.core.next_wakeup() < world.now + 2s);  // back-off, then another login
  world.now += 10s;
  world.core.tick(world.now);
  auto actions = world.take();
  REQUIRE_FALSE(actions.empty());
  CHECK(actions[0].kind == Action::Kind::refuse);
  CHECK(actions[0].error.code == ErrorCode::acquire_timeout);
  const std::string& text = actions[0].error.text;
  CHECK(text.find("r1") != text.npos);
  CHECK(text.find("max_connections 2") != text.npos);
  CHECK(text.find("1 waiting") != text.npos);
  CHECK(text.find("waited 10.0 s") != text.npos);
  CHECK(text.find("connection refused") != text.npos);
  CHECK(world.core.statistics().wait_timeouts == 1);
  world.core.release(world.now, lease, Returned::clean);
}

TEST_CASE("when the only login fails all waiters learn why at once, and so do callers during the back-off") {
  World world(small_policy(1));
  world.acquire();
  world.acquire();
  world.core.login_failed(world.now, world.only(Action::Kind::login).ticket, world.refused());
  auto actions = world.take();
  REQUIRE(actions.size() == 2);
  CHECK(actions[0].error.code == ErrorCode::unreachable);
  CHECK(actions[0].error.text.find("connection refused") != std::string::npos);
  CHECK(actions[0].error.text == actions[1].error.text);  // a steady text: line.error is sent on change
  world.acquire();
  CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::unreachable);
  world.now += 2s;
  world.acquire();
  world.only(Action::Kind::login);
}

TEST_CASE("back-off grows to its maximum and ends with a success") {
  PoolPolicy policy = small_policy(1, 1);
  policy.backoff_first = 1s;
  policy.backoff_max = 60s;
  World world(policy);
  world.core.start(world.now);
  Clock::duration last{};
  for (int i = 0; i < 12; ++i) {
    world.core.login_failed(world.now, world.only(Action::Kind::login).ticket, world.refused());
    const TimePoint next = world.core.next_wakeup();
    last = next - world.now;
    CHECK(last <= 72s);
    world.now = next;
    world.core.tick(world.now);
  }
  CHECK(last >= 48s);
  world.core.login_succeeded(world.now, world.only(Action::Kind::login).ticket);
  CHECK_FALSE(world.core.last_login_error());
}

TEST_CASE("after a failed login one login at a time feels its way") {
  World world(small_policy(3, 3));
  world.core.start(world.now);
  auto logins = world.take();
  REQUIRE(logins.size() == 3);
  for (auto& login : logins) world.core.login_failed(world.now, login.ticket, world.refused());
  world.now = world.core.next_wakeup();
  world.core.tick(world.now);
  const Action probe = world.only(Action::Kind::login);
  world.core.login_succeeded(world.now, probe.ticket);
  CHECK(world.take().size() == 2);
}

TEST_CASE("too many waiters are refused at once") {
  World world(small_policy(1));
  world.logged_in();
  for (int i = 0; i < 5; ++i) world.acquire();
  CHECK(world.take().empty());
  world.acquire();
  CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::too_many_waiters);
}

TEST_CASE("a cancelled waiter is answered once and its login serves the next") {
  World world(small_policy(1));
  const WaiterId waiter = world.acquire();
  const Ticket login = world.only(Action::Kind::login).ticket;
  world.core.cancel(world.now, waiter);
  CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::cancelled);
  world.core.cancel(world.now, waiter);
  CHECK(world.take().empty());
  const WaiterId next = world.acquire();
  CHECK(world.take().empty());
  world.core.login_succeeded(world.now, login);
  CHECK(world.only(Action::Kind::grant).waiter == next);
}

TEST_CASE("a session left in mid-command is recovered before the next use, or closed") {
  World world(small_policy(1));
  const Ticket lease = world.logged_in();
  const WaiterId next = world.acquire();
  world.core.release(world.now, lease, Returned::dirty);
  const Ticket recovery = world.only(Action::Kind::recover).ticket;
  world.core.recover_finished(world.now, recovery, true);
  const Action grant = world.only(Action::Kind::grant);
  CHECK(grant.waiter == next);
  world.core.release(world.now, grant.ticket, Returned::dirty);
  world.core.recover_finished(world.now, world.only(Action::Kind::recover).ticket, false);
  world.only(Action::Kind::close);
}

TEST_CASE("a lease is honoured once; late and repeated reports change nothing") {
  World world(small_policy(1));
  const Ticket lease = world.logged_in();
  world.core.release(world.now, lease, Returned::clean);
  world.core.release(world.now, lease, Returned::lost);
  world.core.close_finished(world.now, lease);
  world.core.login_succeeded(world.now, {5, 1});
  CHECK(world.take().empty());
  CHECK(world.core.count(SlotState::idle) == 1);
  CHECK(world.core.statistics().stale_reports == 3);
}

TEST_CASE("worn sessions are replaced: by uses and by age") {
  PoolPolicy policy = small_policy(1, 1);
  policy.max_uses = 2;
  World world(policy);
  Ticket lease = world.logged_in();
  world.core.release(world.now, lease, Returned::clean);
  world.acquire();
  lease = world.only(Action::Kind::grant).ticket;
  world.core.release(world.now, lease, Returned::clean);
  CHECK(world.only(Action::Kind::close).reason == CloseReason::worn);
}

TEST_CASE("a session past its lifetime is never granted") {
  World world(small_policy(1));
  const Ticket lease = world.logged_in();
  world.core.release(world.now, lease, Returned::clean);
  world.now += 34min;  // 30 min +10 % at most
  world.acquire();
  CHECK(world.only(Action::Kind::close).reason == CloseReason::worn);
}

TEST_CASE("idle sessions beyond min_connections are closed after idle_timeout, those within are not") {
  PoolPolicy policy = small_policy(2, 1);
  policy.health_check_interval = 1h;
  World world(policy);
  world.core.start(world.now);
  world.acquire();
  world.acquire();
  for (auto& login : world.take()) world.core.login_succeeded(world.now, login.ticket);
  for (auto& grant : world.take()) world.core.release(world.now, grant.ticket, Returned::clean);
  CHECK(world.core.next_wakeup() == world.now + 5min);
  world.now += 5min;
  world.core.tick(world.now);
  CHECK(world.only(Action::Kind::close).reason == CloseReason::idle);
  CHECK(world.core.count(SlotState::idle) == 1);
}

TEST_CASE("an idle session is checked each health_check_interval; a sick one is closed and replaced") {
  World world(small_policy(1, 1));
  world.core.start(world.now);
  world.core.login_succeeded(world.now, world.only(Action::Kind::login).ticket);
  world.now = world.core.next_wakeup();
  CHECK(world.now == TimePoint(1000s + 210s));
  world.core.tick(world.now);
  const Ticket check = world.only(Action::Kind::check).ticket;
  const WaiterId waiter = world.acquire();
  CHECK(world.take().empty());  // held back: nobody gets a session while it is checked
  world.core.check_finished(world.now, check, false);
  world.core.close_finished(world.now, world.only(Action::Kind::close).ticket);
  world.core.login_succeeded(world.now, world.only(Action::Kind::login).ticket);
  CHECK(world.only(Action::Kind::grant).waiter == waiter);
  CHECK(world.core.statistics().health_check_failures == 1);
}

TEST_CASE(
    "a drain refuses waiters and callers, closes, aborts logins, and is done when the last slot is vacant") {
  World world(small_policy(2));
  const Ticket lease = world.logged_in();
  world.acquire();
  const Ticket login = world.only(Action::Kind::login).ticket;
  world.core.drain(world.now);
  auto actions = world.take();
  REQUIRE(actions.size() == 2);
  CHECK(actions[0].kind == Action::Kind::refuse);
  CHECK(actions[0].error.code == ErrorCode::shutting_down);
  CHECK(actions[1].kind == Action::Kind::abort_login);
  world.acquire();
  CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::shutting_down);
  world.core.login_failed(world.now, login, {ErrorCode::cancelled, Phase::key_exchange, "stopped"});
  world.core.release(world.now, lease, Returned::dirty);
  world.core.close_finished(world.now, world.only(Action::Kind::close).ticket);
  world.only(Action::Kind::drained);
}

TEST_CASE("a wait in vain while the only login hangs is the router's fault, not an overload") {
  World world(small_policy(1));
  world.acquire(10s);
  const Ticket login = world.only(Action::Kind::login).ticket;
  SUBCASE("the login runs") {
    world.core.login_began(world.now, login);
    world.now += 10s;
    world.core.tick(world.now);
    CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::unreachable);
  }
  SUBCASE("the login has not had its turn yet among those of the agent") {
    world.now += 10s;
    world.core.tick(world.now);
    CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::held_back);
  }
}

TEST_CASE(
    "a router that grants no further session gets no more than it grants, and one more each ten minutes") {
  World world(small_policy(4));
  world.logged_in();
  const WaiterId second = world.acquire();
  const Error full{ErrorCode::session_limit, Phase::prompt, "r1: all lines are busy"};
  world.core.login_failed(world.now, world.only(Action::Kind::login).ticket, full);
  CHECK(world.take().empty());  // the waiter waits for the session that there is
  CHECK(world.core.maximum() == 1);
  CHECK_FALSE(world.core.last_login_error());
  CHECK(world.core.hints(world.now).size() == 1);
  world.acquire();
  CHECK(world.take().empty());  // no storm on the full router
  world.core.cancel(world.now, second);
  world.take();
  world.now += 10min - 1s;
  world.core.tick(world.now);
  for (const Action& action : world.take()) CHECK(action.kind != Action::Kind::login);
  world.acquire(2s);
  CHECK(world.take().empty());
  CHECK(world.core.next_wakeup() == world.now + 1s);
  world.now += 1s;
  world.core.tick(world.now);
  CHECK(world.core.maximum() == 2);
  const Ticket login = world.only(Action::Kind::login).ticket;
  world.core.login_succeeded(world.now, login);
  CHECK(world.core.statistics().session_limits == 1);
}

TEST_CASE("a full router without any session of ours is told as that, and tried again after the back-off") {
  World world(small_policy(2));
  world.acquire();
  const Error full{ErrorCode::session_limit, Phase::prompt, "r1: all lines are busy"};
  world.core.login_failed(world.now, world.only(Action::Kind::login).ticket, full);
  CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::session_limit);
  CHECK(world.core.maximum() == 1);
  world.now += 2s;
  world.acquire();
  world.core.login_succeeded(world.now, world.only(Action::Kind::login).ticket);
  world.only(Action::Kind::grant);
}

TEST_CASE("after breaker.failures nobody tries for the cool-down, then one does, and its success closes it") {
  PoolPolicy policy = small_policy(3, 3);
  policy.breaker_failures = 3;
  policy.backoff_first = 1s;
  policy.breaker_cool_down = 1min;
  World world(policy);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(world.core.breaker_open());
    world.acquire();
    auto logins = world.take();
    for (const Action& action : logins) {
      if (action.kind == Action::Kind::login)
        world.core.login_failed(world.now, action.ticket, world.refused());
    }
    world.take();
    if (i < 2) world.now = world.core.next_login();
  }
  CHECK(world.core.breaker_open());
  CHECK(world.core.statistics().breaker_openings == 1);
  CHECK(world.core.next_login() == world.now + 1min);
  world.acquire();
  CHECK(world.only(Action::Kind::refuse).error.text.find("connection refused") != std::string::npos);
  world.now += 1min;
  world.acquire();
  world.acquire();
  const Ticket probe = world.only(Action::Kind::login).ticket;  // one, not three
  world.core.login_succeeded(world.now, probe);
  CHECK_FALSE(world.core.breaker_open());
}

TEST_CASE("short commands wait for a warm session rather than for a login that takes longer") {
  PoolPolicy policy = small_policy(8, 2);
  policy.max_waiters = 100;
  World world(policy);
  world.core.start(world.now);
  world.now += 500ms;  // what a login takes here
  for (const Action& login : world.take()) world.core.login_succeeded(world.now, login.ticket);
  world.acquire();
  const Ticket first = world.only(Action::Kind::grant).ticket;
  world.now += 5ms;  // what a use takes
  world.core.release(world.now, first, Returned::clean);
  std::vector<Ticket> leased;
  for (int i = 0; i < 50; ++i) world.acquire();
  int served = 1;
  for (bool busy = true; busy;) {
    busy = false;
    for (const Action& action : world.take()) {
      REQUIRE(action.kind == Action::Kind::grant);  // and no login
      leased.push_back(action.ticket);
    }
    world.now += 5ms;
    for (const Ticket ticket : std::exchange(leased, {})) {
      world.core.release(world.now, ticket, Returned::clean);
      ++served;
      busy = true;
    }
  }
  CHECK(served == 51);
  CHECK(world.core.live() == 2);
}

TEST_CASE("a login starts when somebody has waited for as long as it takes") {
  World world(small_policy(2));
  world.acquire();
  const Ticket login = world.only(Action::Kind::login).ticket;
  world.now += 500ms;
  world.core.login_succeeded(world.now, login);
  Ticket lease = world.only(Action::Kind::grant).ticket;
  world.now += 5ms;
  world.core.release(world.now, lease, Returned::clean);
  world.acquire();
  lease = world.only(Action::Kind::grant).ticket;  // this one takes long, against all experience
  world.acquire();
  CHECK(world.take().empty());
  CHECK(world.core.next_wakeup() == world.now + 500ms);
  world.now += 500ms;
  world.core.tick(world.now);
  world.only(Action::Kind::login);
}

TEST_CASE("a higher maximum works at once, a lower one as sessions come free") {
  World world(small_policy(1));
  const Ticket first = world.logged_in();
  world.acquire();
  CHECK(world.take().empty());
  world.core.reconfigure(world.now, small_policy(3));
  const Ticket second = world.only(Action::Kind::login).ticket;
  world.core.login_succeeded(world.now, second);
  const Ticket lease = world.only(Action::Kind::grant).ticket;
  world.core.reconfigure(world.now, small_policy(1));
  CHECK(world.take().empty());  // borrowers are not disturbed
  CHECK(world.core.slots() == 2);
  world.acquire();
  world.core.release(world.now, lease, Returned::clean);
  const Action close = world.only(Action::Kind::close);
  CHECK(close.ticket.slot == lease.slot);
  world.core.close_finished(world.now, close.ticket);
  CHECK(world.core.slots() == 1);
  world.core.release(world.now, first, Returned::clean);
  world.only(Action::Kind::grant);
  CHECK(world.core.live() == 1);
}

TEST_CASE("changed credentials replace every session after its present use, and end a back-off") {
  World world(small_policy(3));
  const Ticket lease = world.logged_in();
  world.acquire();
  Ticket idle = world.only(Action::Kind::login).ticket;
  world.core.login_succeeded(world.now, idle);
  idle = world.only(Action::Kind::grant).ticket;
  world.core.release(world.now, idle, Returned::clean);
  world.core.renew(world.now);
  CHECK(world.only(Action::Kind::close).ticket.slot == idle.slot);
  world.core.release(world.now, lease, Returned::clean);
  CHECK(world.only(Action::Kind::close).ticket.slot == lease.slot);

  World failing(small_policy(1, 1));
  failing.core.start(failing.now);
  failing.core.login_failed(failing.now, failing.only(Action::Kind::login).ticket, failing.refused());
  CHECK(failing.take().empty());
  failing.core.renew(failing.now);
  const Ticket login = failing.only(Action::Kind::login).ticket;
  failing.core.renew(failing.now);  // while it logs in with what is old by now
  failing.core.login_succeeded(failing.now, login);
  CHECK(failing.only(Action::Kind::close).reason == CloseReason::worn);

  World refused(small_policy(1, 1));
  refused.core.start(refused.now);
  const Ticket old_login = refused.only(Action::Kind::login).ticket;
  refused.core.renew(refused.now);
  refused.core.login_failed(refused.now, old_login, refused.refused());
  CHECK_FALSE(refused.core.last_login_error());
  CHECK_FALSE(refused.only(Action::Kind::login).ticket == old_login);  // at once, with the new ones
}

TEST_CASE("a session that is left in mid-command again and again is replaced") {
  PoolPolicy policy = small_policy(1);
  World world(policy);
  Ticket lease = world.logged_in();
  for (int i = 0; i < 2; ++i) {
    world.core.release(world.now, lease, Returned::dirty);
    world.core.recover_finished(world.now, world.only(Action::Kind::recover).ticket, true);
    world.acquire();
    lease = world.only(Action::Kind::grant).ticket;
  }
  world.core.release(world.now, lease, Returned::dirty);
  world.core.recover_finished(world.now, world.only(Action::Kind::recover).ticket, true);
  CHECK(world.only(Action::Kind::close).reason == CloseReason::worn);
}

TEST_CASE("a lease that is out too long is said once") {
  World world(small_policy(1));
  const Ticket lease = world.logged_in();
  CHECK(world.core.next_wakeup() == world.now + 15min);
  world.now += 15min;
  world.core.tick(world.now);
  CHECK(world.only(Action::Kind::leak).ticket == lease);
  world.now += 15min;
  world.core.tick(world.now);
  CHECK(world.take().empty());
  CHECK(world.core.statistics().leaks == 1);
}

TEST_CASE("waits and time-outs of the last hour are counted, and what would help is said") {
  World world(small_policy(1));
  world.logged_in();
  CHECK(world.core.hints(world.now).empty());
  world.acquire(10s);
  world.now += 10s;
  world.core.tick(world.now);
  const auto hints = world.core.hints(world.now);
  REQUIRE(hints.size() == 1);
  CHECK(hints[0] == "1 wait, 1 time-out in the last hour: raise max_connections or the interval");
  world.now += 61min;
  CHECK(world.core.hints(world.now).empty());
}

TEST_CASE("the use of an idle session allocates nothing") {
  World world(small_policy(2));
  Ticket lease = world.logged_in();
  world.core.actions().reserve(8);
  for (int i = 0; i < 3; ++i) {
    world.core.release(world.now, lease, Returned::clean);
    world.core.acquire(world.now, world.now + 1s);
    REQUIRE(world.core.actions().size() == 1);
    lease = world.core.actions()[0].ticket;
    world.core.actions().clear();
  }
  CHECK(world.core.actions().capacity() == 8);
}

TEST_CASE(
    "warm sessions that the router closes unused are replaced ever later, and one for a waiter at once") {
  World world(small_policy(1, 1));
  world.core.start(world.now);
  Clock::duration last{};
  for (int loss = 0; loss < 5; ++loss) {
    const Ticket login = world.only(Action::Kind::login).ticket;
    world.core.login_succeeded(world.now, login);
    world.core.session_lost(world.now, world.core.ticket(login.slot));
    world.core.close_finished(world.now, world.only(Action::Kind::close).ticket);
    CHECK(world.take().empty());
    const Clock::duration rest = world.core.next_wakeup() - world.now;
    CHECK(rest > last);
    last = rest;
    world.now += rest;
    world.core.tick(world.now);
  }
  CHECK(world.core.hints(world.now).size() == 1);
  const Ticket login = world.only(Action::Kind::login).ticket;
  world.core.login_succeeded(world.now, login);
  world.core.session_lost(world.now, world.core.ticket(login.slot));
  world.core.close_finished(world.now, world.only(Action::Kind::close).ticket);
  world.acquire();
  world.core.login_succeeded(world.now, world.only(Action::Kind::login).ticket);
  const Ticket used = world.only(Action::Kind::grant).ticket;
  world.core.release(world.now, used, Returned::clean);
  world.core.session_lost(world.now, world.core.ticket(used.slot));
  world.core.close_finished(world.now, world.only(Action::Kind::close).ticket);
  world.only(Action::Kind::login);  // one that was used is replaced at once
}

TEST_CASE("at rest sessions go soon after they idle, who asks is served, and a start brings them back") {
  World world(small_policy(2, 1));
  world.core.start(world.now);
  const Ticket warm = world.only(Action::Kind::login).ticket;
  world.core.login_succeeded(world.now, warm);
  world.now += 60s;
  world.core.rest(world.now);
  world.core.close_finished(world.now, world.only(Action::Kind::close).ticket);
  CHECK(world.core.live() == 0);
  CHECK(world.core.next_wakeup() == TimePoint::max());

  const Ticket lease = world.logged_in();
  world.core.release(world.now, lease, Returned::clean);
  CHECK(world.core.next_wakeup() == world.now + 5s);
  world.acquire();  // the next of several finds it
  const Ticket again = world.only(Action::Kind::grant).ticket;
  world.core.release(world.now, again, Returned::clean);
  world.now += 5s;
  world.core.tick(world.now);
  world.core.close_finished(world.now, world.only(Action::Kind::close).ticket);

  world.core.start(world.now);
  world.only(Action::Kind::login);
  world.core.rest(world.now);  // nobody waits for that one
  const Ticket given_up = world.only(Action::Kind::abort_login).ticket;
  world.core.login_failed(world.now, given_up, Error{ErrorCode::cancelled, Phase::waiting, "r1: cancelled"});
  CHECK(world.take().empty());
  CHECK(world.core.live() == 0);
}
