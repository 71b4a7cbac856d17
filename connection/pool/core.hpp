#pragma once
// The pool's decisions, without a clock, a socket or a thread: events come in with `now`, actions go out. The
// shell (pool.hpp) executes the actions and reports back; tests drive the core with a virtual clock.
//
// Rules that hold after every event:
//  - live slots, closing ones included, never exceed max_connections: there are no more slots (after it was
//    lowered at run time: as soon as borrowers have given back what is too much);
//  - waiters are answered in order of arrival, each exactly once;
//  - no waiter waits while a usable session idles;
//  - a (slot, generation) is honoured once: a late or repeated report is counted in `stale_reports` and
//    ignored.

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "connection/error.hpp"
#include "connection/histogram.hpp"
#include "connection/pool/policy.hpp"
#include "connection/pool/recent.hpp"

namespace linewatch::connection {

enum class SlotState { vacant, connecting, idle, leased, checking, recovering, closing };
inline constexpr int slot_state_count = 7;
std::string_view to_string(SlotState state);

// The right to speak for a slot; a new one with every grant and every operation.
struct Ticket {
  int slot = -1;
  std::uint64_t generation = 0;
  bool operator==(const Ticket&) const = default;
};

using WaiterId = std::uint64_t;

enum class CloseReason { idle, worn, unhealthy, lost, draining };
inline constexpr std::size_t close_reason_count = 5;
std::string_view to_string(CloseReason reason);

// What the borrower left behind.
enum class Returned { clean, dirty, lost };

struct Action {
  // leak: a lease is out for longer than leak_warning; said once for each.
  enum class Kind { login, grant, refuse, check, recover, close, abort_login, leak, drained };
  Kind kind = Kind::drained;
  Ticket ticket;                           // all but refuse and drained
  WaiterId waiter = 0;                     // grant, refuse
  bool fresh = false;                      // grant: the session's first use
  CloseReason reason = CloseReason::idle;  // close
  Error error;                             // refuse
};

struct PoolStatistics {
  std::uint64_t created = 0, reused = 0, closed = 0;
  std::array<std::uint64_t, close_reason_count> closed_for{};  // by CloseReason, when the close began
  std::uint64_t grants = 0, waits = 0, wait_timeouts = 0, cancelled = 0, refused = 0;
  std::uint64_t login_failures = 0, health_check_failures = 0, recoveries = 0, stale_reports = 0;
  std::uint64_t session_limits = 0, breaker_openings = 0, leaks = 0;
  Histogram wait_time;   // of every grant, most of them 0
  Histogram login_time;  // of logins that succeeded
};

class PoolCore {
 public:
  // `router` names the router in errors; `seed` feeds jitter.
  PoolCore(std::string router, PoolPolicy policy, std::uint32_t seed, TimePoint now);

  // Callers.
  WaiterId acquire(TimePoint now, TimePoint deadline);
  void cancel(TimePoint now,
              WaiterId waiter);  // answers it with ErrorCode::cancelled unless already answered
  void release(TimePoint now, Ticket ticket, Returned returned);

  // Reports of what the shell did.
  void login_began(TimePoint now, Ticket ticket);  // the gate let it pass; until then it only queues
  void login_succeeded(TimePoint now, Ticket ticket);
  void login_failed(TimePoint now, Ticket ticket, Error error);
  void check_finished(TimePoint now, Ticket ticket, bool healthy);
  void recover_finished(TimePoint now, Ticket ticket, bool clean);
  void close_finished(TimePoint now, Ticket ticket);
  void session_lost(TimePoint now, Ticket ticket);  // an idle session's transport ended

  void tick(TimePoint now);   // call at next_wakeup()
  void start(TimePoint now);  // begins to keep min_connections warm; whoever waits is logged in for at once
  // Keeps nothing warm until start(): sessions are closed soon after they idle, logins that nobody waits for
  // are given up. Who asks is served all the same.
  void rest(TimePoint now);
  void drain(TimePoint now);  // refuses all waiters; Action::drained comes when the last slot is vacant

  // Another policy, up or down: sessions beyond a lower maximum are closed as they come free.
  void reconfigure(TimePoint now, PoolPolicy policy);
  // Every session is replaced after its present use, and a failure that lasts is forgotten: the credentials
  // have changed.
  void renew(TimePoint now);

  // The earliest time at which tick() has something to do.
  TimePoint next_wakeup() const;

  // Actions in the order decided; the caller executes and clears them.
  std::vector<Action>& actions() { return actions_; }

  int count(SlotState state) const { return counts_[static_cast<std::size_t>(state)]; }
  int live() const { return static_cast<int>(slots_.size()) - count(SlotState::vacant); }
  std::size_t waiting() const { return waiters_.size(); }
  SlotState state(int slot) const { return slots_[static_cast<std::size_t>(slot)].state; }
  Ticket ticket(int slot) const { return {slot, slots_[static_cast<std::size_t>(slot)].generation}; }
  int slots() const { return static_cast<int>(slots_.size()); }
  int maximum() const;  // what is used of max_connections, since the router said that no session is free
  bool breaker_open() const { return failures_ >= policy_.breaker_failures; }
  const PoolStatistics& statistics() const { return statistics_; }
  // What is short, and what would help; sentences for the operator.
  std::vector<std::string> hints(TimePoint now) const;
  // Why somebody who has waited since `arrived` has no session yet: the error of a wait that ends now.
  Error no_session(TimePoint now, TimePoint arrived) const;
  const std::optional<Error>& last_login_error() const { return last_login_error_; }
  TimePoint next_login() const { return next_login_; }
  int uses(int slot) const { return slots_[static_cast<std::size_t>(slot)].uses; }
  TimePoint born(int slot) const { return slots_[static_cast<std::size_t>(slot)].born; }
  TimePoint since(int slot) const { return slots_[static_cast<std::size_t>(slot)].since; }
  bool draining() const { return draining_; }
  const PoolPolicy& policy() const { return policy_; }

 private:
  struct Slot {
    SlotState state = SlotState::vacant;
    std::uint64_t generation = 0;
    int uses = 0;
    int trouble = 0;          // grows with each use that left it dirty, falls with each clean one
    bool began = false;       // connecting: the gate has let it pass
    bool leak_said = false;   // leased
    std::uint64_t epoch = 0;  // of the credentials it logged in with
    TimePoint born{};         // when its login succeeded
    TimePoint since{};        // when it entered this state
    TimePoint expires{};      // max_lifetime with its jitter
    TimePoint checked{};      // last sign of life: login, use or check
  };
  struct Waiter {
    WaiterId id;
    TimePoint arrived, deadline;
  };

  Slot* honour(Ticket ticket, SlotState expected);
  Ticket enter(int slot, SlotState state, TimePoint now);
  void settle(TimePoint now);
  void grant_waiters(TimePoint now);
  void start_logins(TimePoint now);
  void abort_logins();
  void retire_idle(TimePoint now);
  void expire_waiters(TimePoint now);
  void find_leaks(TimePoint now);
  void raise_limit(TimePoint now);
  void note_session_limit(TimePoint now, int sessions);
  void note_failure(TimePoint now);
  void note_unused_loss(TimePoint now);
  bool warming(TimePoint now) const { return started_ && now >= next_warm_; }
  void lease(int slot, const Waiter& waiter, TimePoint now);
  void fit_slots();
  bool surplus() const;
  void make_usable(int slot, TimePoint now);
  void close(int slot, TimePoint now, CloseReason reason);
  void refuse(const Waiter& waiter, Error error);
  void refuse_all(ErrorCode code, Phase phase);
  bool worn(const Slot& slot, TimePoint now) const;
  bool more_than_warm() const;
  TimePoint idle_until(const Slot& slot) const;
  ErrorCode timeout_code() const;
  int wanted_logins(TimePoint now) const;
  int room() const;  // logins that may be under way besides
  int freshest_idle() const;
  Clock::duration backoff(int failures_before) const;
  Clock::duration jittered(Clock::duration base, double fraction);
  std::string why_no_session(TimePoint now, TimePoint arrived) const;

  std::string router_;
  PoolPolicy policy_;
  std::minstd_rand random_;
  std::vector<Slot> slots_;
  int counts_[slot_state_count] = {};
  std::vector<Waiter> waiters_;  // in order of arrival; a deque would keep half a KiB for none
  WaiterId next_waiter_ = 1;
  std::vector<Action> actions_;
  PoolStatistics statistics_;
  LastHour recent_waits_, recent_wait_timeouts_, recent_losses_;
  std::optional<Clock::duration> mean_use_, mean_login_;  // moving averages, once one was measured
  std::optional<Error> last_login_error_;                 // of the failure that still lasts
  int failures_ = 0;                                      // in a row
  TimePoint next_login_{};                                // back-off and breaker: no login before
  int unused_losses_ = 0;                                 // in a row: warm sessions that the router closed
  TimePoint next_warm_{};                       // after such a loss: no login for warmth alone before
  TimePoint reconsider_at_ = TimePoint::max();  // a waiter has then waited for as long as a login takes
  bool login_due_ = false;                      // a login is wanted and waits for next_login_
  bool warm_due_ = false;                       // a session is missing and waits for next_warm_
  int limit_ = 0;  // sessions the router grants, as far as it said; max_connections if it never did
  TimePoint limit_return_{};  // when one more is tried, while limit_ is below max_connections
  std::uint64_t epoch_ = 0;   // of the credentials
  std::uint64_t last_generation_ = 0;
  bool started_ = false, resting_ = false;
  bool draining_ = false;
  bool drained_ = false;
};

}  // namespace linewatch::connection
