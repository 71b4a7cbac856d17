#include "connection/pool/core.hpp"

#include <doctest/doctest.h>

#include <map>

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

// Random worlds against the rules in core.hpp. Times, outcomes and order are drawn; the seed is printed on
// failure.
TEST_CASE("random worlds keep the invariants") {
  int grants = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::minstd_rand random(seed);
    const auto draw = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    PoolPolicy policy = small_policy(1 + draw(4));
    policy.min_connections = draw(policy.max_connections + 1);
    policy.max_uses = 1 + draw(20);
    policy.max_waiters = draw(20);
    World world(policy);
    world.core.start(world.now);
    std::vector<Action> open;           // operations and leases under way
    std::map<WaiterId, bool> answered;  // every waiter ever, and whether it was answered
    WaiterId last_granted = 0;
    bool draining = false, drained = false;

    const auto absorb = [&] {
      for (Action& action : world.take()) {
        if (action.kind == Action::Kind::grant || action.kind == Action::Kind::refuse) {
          answered.try_emplace(action.waiter, false);
          REQUIRE_FALSE(answered[action.waiter]);
          answered[action.waiter] = true;
        }
        if (action.kind == Action::Kind::grant) {
          REQUIRE(action.waiter > last_granted);
          last_granted = action.waiter;
          ++grants;
        }
        if (action.kind == Action::Kind::drained) drained = true;
        const bool nothing_open = action.kind == Action::Kind::refuse ||
                                  action.kind == Action::Kind::drained ||
                                  action.kind == Action::Kind::abort_login;
        if (!nothing_open) open.push_back(action);
      }
      // Every live slot is exactly one operation, lease or idle session.
      const int busy = world.core.live() - world.core.count(SlotState::idle);
      REQUIRE(busy == static_cast<int>(open.size()));
      REQUIRE(world.core.live() <= policy.max_connections);
      REQUIRE(world.core.waiting() <= static_cast<std::size_t>(policy.max_waiters));
      REQUIRE_FALSE((world.core.waiting() > 0 && world.core.count(SlotState::idle) > 0));
      if (drained) REQUIRE((world.core.live() == 0 && world.core.waiting() == 0));
    };
    const auto finish = [&](std::size_t index) {
      const Action action = open[index];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(index));
      const bool good = draw(3) > 0;
      switch (action.kind) {
        case Action::Kind::login:
          if (good) {
            world.core.login_succeeded(world.now, action.ticket);
          } else {
            world.core.login_failed(world.now, action.ticket, world.refused());
          }
          break;
        case Action::Kind::grant:
          world.core.release(world.now, action.ticket,
                             good      ? Returned::clean
                             : draw(2) ? Returned::dirty
                                       : Returned::lost);
          break;
        case Action::Kind::check:
          world.core.check_finished(world.now, action.ticket, good);
          break;
        case Action::Kind::recover:
          world.core.recover_finished(world.now, action.ticket, good);
          break;
        default:
          world.core.close_finished(world.now, action.ticket);
          break;
      }
    };
    absorb();
    for (int step = 0; step < 600; ++step) {
      const int event = draw(100);
      if (event < 40) {
        const WaiterId id = world.acquire(std::chrono::milliseconds(draw(20000)));
        answered.try_emplace(id, false);
      } else if (event < 80 && !open.empty()) {
        finish(static_cast<std::size_t>(draw(static_cast<int>(open.size()))));
      } else if (event < 84 && !answered.empty()) {
        world.core.cancel(world.now, static_cast<WaiterId>(1 + draw(static_cast<int>(answered.size()))));
      } else if (event < 99) {
        if (draw(2) && world.core.next_wakeup() != TimePoint::max()) {
          world.now = std::max(world.now, world.core.next_wakeup());
        } else {
          world.now += std::chrono::milliseconds(draw(5000));
        }
        world.core.tick(world.now);
        REQUIRE(world.core.next_wakeup() > world.now);  // a timer armed in the past would spin
      } else if (step > 500 && !draining) {
        draining = true;
        world.core.drain(world.now);
      }
      absorb();
    }
    if (!draining) world.core.drain(world.now);
    absorb();
    for (int step = 0; step < 100 && !open.empty(); ++step) {
      finish(0);
      absorb();
    }
    CHECK(drained);
    for (const auto& [waiter, done] : answered) REQUIRE(done);
  }
  CHECK(grants > 1000);
}

TEST_CASE("a wait in vain while the only login hangs is the router's fault, not an overload") {
  World world(small_policy(1));
  world.acquire(10s);
  world.only(Action::Kind::login);
  world.now += 10s;
  world.core.tick(world.now);
  CHECK(world.only(Action::Kind::refuse).error.code == ErrorCode::unreachable);
}
