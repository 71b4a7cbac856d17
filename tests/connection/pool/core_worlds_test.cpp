// The pool's core in random worlds: outcomes, times and order are drawn, the rules of core.hpp are checked
// after every event. The seed of a failure is printed.

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "connection/pool/core.hpp"

using namespace linewatch::connection;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t worlds = 2000;
constexpr int events_each = 600;

// One world: a core, its virtual clock, and whoever borrows and logs in.
class World {
 public:
  explicit World(std::uint32_t seed)
      : random_(seed), policy_(draw_policy()), core_("r1", policy_, seed, now_) {
    core_.start(now_);
    absorb();
  }

  void play() {
    for (int event = 0; event < events_each; ++event) {
      happen(event);
      absorb();
    }
    drain();
    for (int round = 0; round < 200 && !open_.empty(); ++round) {
      finish(0);
      absorb();
    }
    REQUIRE(drained_);
    REQUIRE(core_.live() == 0);
    for (const auto& [waiter, answers] : answers_) REQUIRE(answers == 1);
  }

  int grants() const { return grants_; }
  const PoolStatistics& statistics() const { return core_.statistics(); }

 private:
  int draw(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

  PoolPolicy draw_policy() {
    PoolPolicy policy;
    policy.max_connections = 1 + draw(5);
    policy.min_connections = draw(policy.max_connections + 1);
    policy.max_uses = 1 + draw(20);
    policy.max_waiters = draw(20);
    policy.breaker_failures = 1 + draw(6);
    policy.breaker_cool_down = std::chrono::seconds(1 + draw(60));
    policy.limit_return = std::chrono::seconds(1 + draw(60));
    policy.leak_warning = std::chrono::seconds(1 + draw(60));
    policy.max_lifetime = std::chrono::seconds(10 + draw(2000));
    policy.idle_timeout = std::chrono::seconds(1 + draw(300));
    return policy;
  }

  void happen(int event) {
    const int what = draw(1000);
    if (what < 380) {
      acquire();
    } else if (what < 800) {
      if (!open_.empty()) finish(static_cast<std::size_t>(draw(static_cast<int>(open_.size()))));
    } else if (what < 840) {
      if (!answers_.empty())
        core_.cancel(now_, static_cast<WaiterId>(1 + draw(static_cast<int>(answers_.size()))));
    } else if (what < 970) {
      pass_time();
    } else if (what < 980) {
      policy_ = draw_policy();
      core_.reconfigure(now_, policy_);
    } else if (what < 983) {
      core_.renew(now_);
    } else if (what < 985) {
      draw(2) ? core_.rest(now_) : core_.start(now_);
    } else if (what < 990) {
      repeat_a_report();
    } else if (what < 995) {
      lose_an_idle_session();
    } else if (event > events_each * 5 / 6) {
      drain();
    }
  }

  void acquire() {
    const WaiterId id = core_.acquire(now_, now_ + std::chrono::milliseconds(draw(20000)));
    answers_.try_emplace(id, 0);
  }

  void pass_time() {
    if (draw(2) && core_.next_wakeup() != TimePoint::max()) {
      now_ = std::max(now_, core_.next_wakeup());
    } else {
      now_ += std::chrono::milliseconds(draw(5000));
    }
    core_.tick(now_);
    REQUIRE(core_.next_wakeup() > now_);  // a timer armed in the past would spin
  }

  void drain() {
    draining_ = true;
    core_.drain(now_);
    absorb();
  }

  void lose_an_idle_session() {
    for (int slot = 0; slot < core_.slots(); ++slot) {
      if (core_.state(slot) == SlotState::idle) return core_.session_lost(now_, core_.ticket(slot));
    }
  }

  // Late and repeated reports of any kind change nothing.
  void repeat_a_report() {
    if (!spent_) return;
    const std::uint64_t stale = core_.statistics().stale_reports;
    const int live = core_.live();
    core_.login_succeeded(now_, *spent_);
    core_.release(now_, *spent_, Returned::clean);
    core_.check_finished(now_, *spent_, true);
    core_.recover_finished(now_, *spent_, true);
    core_.close_finished(now_, *spent_);
    REQUIRE(core_.statistics().stale_reports == stale + 5);
    REQUIRE(core_.live() == live);
    REQUIRE(core_.actions().empty());
  }

  void finish(std::size_t index) {
    const Action action = open_[index];
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
    spent_ = action.ticket;
    const bool good = draw(3) > 0;
    switch (action.kind) {
      case Action::Kind::login:
        if (draw(4) > 0) core_.login_began(now_, action.ticket);
        if (good) {
          core_.login_succeeded(now_, action.ticket);
        } else {
          core_.login_failed(now_, action.ticket, failure());
        }
        break;
      case Action::Kind::grant:
        core_.release(now_, action.ticket,
                      good      ? Returned::clean
                      : draw(2) ? Returned::dirty
                                : Returned::lost);
        break;
      case Action::Kind::check:
        core_.check_finished(now_, action.ticket, good);
        break;
      case Action::Kind::recover:
        core_.recover_finished(now_, action.ticket, good);
        break;
      default:
        core_.close_finished(now_, action.ticket);
        break;
    }
  }

  Error failure() {
    constexpr ErrorCode codes[] = {ErrorCode::unreachable, ErrorCode::session_limit,
                                   ErrorCode::authentication, ErrorCode::cancelled};
    return Error{codes[draw(4)], Phase::tcp_connect, "r1: no"};
  }

  void absorb() {
    for (Action& action : std::exchange(core_.actions(), {})) take(action);
    check();
  }

  void take(const Action& action) {
    switch (action.kind) {
      case Action::Kind::grant:
        REQUIRE(action.waiter > last_granted_);  // in the order they came
        REQUIRE(core_.state(action.ticket.slot) == SlotState::leased);
        REQUIRE(core_.ticket(action.ticket.slot) == action.ticket);
        last_granted_ = action.waiter;
        ++grants_;
        open_.push_back(action);
        [[fallthrough]];
      case Action::Kind::refuse:
        REQUIRE(++answers_[action.waiter] == 1);
        if (action.kind == Action::Kind::refuse) REQUIRE_FALSE(action.error.text.empty());
        break;
      case Action::Kind::drained:
        REQUIRE_FALSE(drained_);
        drained_ = true;
        break;
      case Action::Kind::login:
        REQUIRE_FALSE(draining_);
        open_.push_back(action);
        break;
      case Action::Kind::leak:
      case Action::Kind::abort_login:
        break;
      default:
        open_.push_back(action);
        break;
    }
  }

  void check() {
    // Every live slot is exactly one operation, lease or idle session.
    const int busy = core_.live() - core_.count(SlotState::idle);
    REQUIRE(busy == static_cast<int>(open_.size()));
    // Never beyond the maximum; what was there before the maximum was lowered only shrinks.
    ceiling_ = std::max(policy_.max_connections, std::min(ceiling_, core_.live()));
    REQUIRE(core_.live() <= ceiling_);
    REQUIRE(core_.maximum() <= policy_.max_connections);
    REQUIRE_FALSE((core_.waiting() > 0 && core_.count(SlotState::idle) > 0));
    // Somebody or something will serve whoever waits, or the timer will tell them.
    if (core_.waiting() > 0) REQUIRE(core_.next_wakeup() != TimePoint::max());
    if (drained_) REQUIRE((core_.live() == 0 && core_.waiting() == 0));
  }

  std::minstd_rand random_;
  PoolPolicy policy_;
  TimePoint now_{1000s};
  PoolCore core_;
  std::vector<Action> open_;         // operations and leases under way
  std::map<WaiterId, int> answers_;  // every waiter ever, and how often it was answered
  std::optional<Ticket> spent_;
  WaiterId last_granted_ = 0;
  int grants_ = 0, ceiling_ = 0;
  bool draining_ = false, drained_ = false;
};

}  // namespace

TEST_CASE("random worlds keep the rules") {
  int grants = 0;
  PoolStatistics seen;
  for (std::uint32_t seed = 1; seed <= worlds; ++seed) {
    CAPTURE(seed);
    World world(seed);
    world.play();
    grants += world.grants();
    seen.session_limits += world.statistics().session_limits;
    seen.breaker_openings += world.statistics().breaker_openings;
    seen.leaks += world.statistics().leaks;
    seen.wait_timeouts += world.statistics().wait_timeouts;
  }
  // The worlds are worth something only if all of this happens in them.
  CHECK(grants > 100'000);
  for (const std::uint64_t happened :
       {seen.session_limits, seen.breaker_openings, seen.leaks, seen.wait_timeouts})
    CHECK(happened > 1000);
}
