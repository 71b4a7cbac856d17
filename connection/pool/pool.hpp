#pragma once
// One router's sessions, shared among its tasks. A thin shell around PoolCore: it executes the core's actions
// (log in, check, recover, close) on the router's event loop, arms one timer at the core's next wake-up, and
// hands out leases. Owned by a shared_ptr, since a lease may outlive whoever made the pool. Use on its loop
// only; the stop of a Context may come from any thread.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include <spdlog/logger.h>

#include "connection/bell.hpp"
#include "connection/pool/core.hpp"
#include "connection/pool/gate.hpp"
#include "connection/pool/snapshot.hpp"
#include "connection/session.hpp"
#include "connection/spell.hpp"

namespace linewatch::connection {

class Pool;

// The use of one session, given back when it goes. Not usable as a temporary.
class [[nodiscard]] Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { give_back(); }

  Session& session() & { return *session_; }
  Session& session() && = delete;
  bool fresh() const { return fresh_; }  // nobody used this session before
  void rename(std::string holder);       // who borrows it, from now on
  void give_back();                      // early; harmless when repeated

 private:
  friend class Pool;
  Lease(std::shared_ptr<Pool> pool, Ticket ticket, Session& session, bool fresh);
  std::shared_ptr<Pool> pool_;
  Ticket ticket_;
  Session* session_;
  bool fresh_;
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  // Pass make() the factory it shall own, and the agent's gate, if logins are to be held back.
  static std::shared_ptr<Pool> make(boost::asio::any_io_executor loop, std::string router, PoolPolicy policy,
                                    std::unique_ptr<SessionFactory> factory,
                                    std::shared_ptr<spdlog::logger> log,
                                    std::shared_ptr<Gate> gate = nullptr);
  ~Pool();

  void start();  // keeps min_connections warm from now on
  void rest();   // until start(): leaves the router alone but for who asks; see PoolCore

  // Waits in order for a session, at most acquire_timeout and the context's deadline. Errors:
  // acquire_timeout, too_many_waiters, cancelled, shutting_down, or why the login failed. `holder` names the
  // borrower in status and warnings.
  Awaitable<Result<Lease>> acquire(Context ctx, std::string holder = {});

  // Refuses new callers, logs idle sessions out, waits for leases to come back. When the context ends, what
  // is left is stopped and has another 200 ms to end.
  Awaitable<void> drain(Context ctx);

  // Takes a router over from a pool that drains: nothing is logged in before that one's drain() has ended,
  // since the sessions of both count on the router.
  void follow(const std::shared_ptr<Pool>& leaver);

  // Other limits from now on, up or down.
  void reconfigure(PoolPolicy policy);
  // The way in has changed (credentials, address, host key): every session is replaced after its present use.
  void renew(std::unique_ptr<SessionFactory> factory);

  const PoolCore& core() const { return core_; }
  PoolSnapshot snapshot() const;

 private:
  struct Seat {  // a slot's session and the operation that is under way on it
    std::unique_ptr<Session> session;
    std::stop_source stop;
    std::string holder;
    Gate::Unit unit;       // of the agent's sessions; held until the slot is vacant
    bool at_gate = false;  // waits for leave to log in
  };
  using Answer = std::move_only_function<void(Action)>;

  Pool(boost::asio::any_io_executor loop, std::string router, PoolPolicy policy,
       std::unique_ptr<SessionFactory> factory, std::shared_ptr<spdlog::logger> log,
       std::shared_ptr<Gate> gate);
  friend class Lease;

  void step();
  void execute(Action& action);
  void answer(Action& action);
  void arm_timer();
  void furnish();
  void give_back(Ticket ticket);
  void forget_lost_sessions(TimePoint now);
  void hung_up(int slot);
  void session_lost(int slot, TimePoint now);
  Awaitable<void> log_in(Ticket ticket);
  Awaitable<void> wait_for_leavers(Context ctx);
  Awaitable<Result<Gate::Unit>> pass_gate(Context ctx, Ticket ticket);
  Awaitable<Result<std::unique_ptr<Session>>> try_logins(Context ctx);
  void release_unit(Ticket ticket);
  Awaitable<void> check(Ticket ticket);
  Awaitable<void> recover(Ticket ticket);
  Awaitable<void> close(Ticket ticket, CloseReason reason);
  void login_failed(Ticket ticket, Error error);
  void log_waits(const Action& answer);
  void log_login_success(Clock::duration took);
  Seat& seat(Ticket ticket) { return *seats_[static_cast<std::size_t>(ticket.slot)]; }
  Context limited(Ticket ticket, Clock::duration limit);

  boost::asio::any_io_executor loop_;
  std::string router_;
  std::shared_ptr<SessionFactory> factory_;  // shared with the logins under way
  std::shared_ptr<Gate> gate_;
  std::shared_ptr<spdlog::logger> log_;
  PoolCore core_;
  std::vector<std::unique_ptr<Seat>> seats_;  // of all slots there ever were; each stays where it is
  std::vector<Action> executed_;
  std::unordered_map<WaiterId, Answer> answers_;
  boost::asio::steady_timer timer_;
  TimePoint armed_ = TimePoint::max();
  boost::asio::steady_timer drained_;  // never expires; cancelled when the pool is empty
  bool is_drained_ = false;
  bool gone_ = false;  // drained, or its drain gave up
  Bell left_;          // rung then
  std::vector<std::weak_ptr<Pool>> leavers_;
  bool executing_ = false;
  TimePoint say_losses_from_{};
  Spell waits_in_vain_;
  std::string lasting_failure_;  // the login error last logged, to say it once
  int failed_logins_ = 0;        // since the last success
};

}  // namespace linewatch::connection
