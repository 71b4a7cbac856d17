#pragma once
// One gate for the logins of the whole agent (connection.total): how many sessions, how many logins at a
// time, how many a second. First come, first served within a rank; a router without any session goes before
// another's second. The queue decides without a clock; the gate is its shell on one event loop.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "connection/session.hpp"

namespace linewatch::connection {

struct GateLimits {
  int sessions = 5000;            // 1..
  int logins = 64;                // 1..; under way at the same time
  double logins_per_second = 50;  // > 0; evenly spaced, no burst
};

class GateQueue {
 public:
  using Id = std::uint64_t;
  enum class Rank {
    renewal,  // replaces a session whose unit is still held
    first,    // the router has no session
    further,
  };
  static constexpr int ranks = 3;

  explicit GateQueue(GateLimits limits) : limits_(limits) {}

  Id ask(Rank rank);
  bool withdraw(Id id);  // false if it was let in already
  std::vector<Id> let_in(TimePoint now);
  void login_ended() { --logins_; }
  void session_ended() { --sessions_; }
  void set_limits(GateLimits limits) { limits_ = limits; }

  TimePoint next_wakeup() const;  // when let_in() may let somebody in though nothing has ended
  int sessions() const { return sessions_; }
  int logins() const { return logins_; }
  std::size_t waiting() const;

 private:
  int next_rank() const;  // whose turn it is; -1 if nobody's

  GateLimits limits_;
  std::deque<Id> waiting_[ranks];
  Id last_ = 0;
  int sessions_ = 0, logins_ = 0;
  TimePoint next_start_{};
};

class Gate : public std::enable_shared_from_this<Gate> {
 public:
  // A unit of the gate's, given back when it goes.
  class [[nodiscard]] Unit {
   public:
    Unit() = default;
    explicit Unit(std::move_only_function<void()> give_back) : give_back_(std::move(give_back)) {}
    Unit(Unit&& other) noexcept : give_back_(std::exchange(other.give_back_, nullptr)) {}
    Unit& operator=(Unit&& other) noexcept {
      reset();
      give_back_ = std::exchange(other.give_back_, nullptr);
      return *this;
    }
    ~Unit() { reset(); }
    void reset() {
      if (auto give_back = std::exchange(give_back_, nullptr)) give_back();
    }
    explicit operator bool() const { return give_back_ != nullptr; }

   private:
    std::move_only_function<void()> give_back_;
  };

  static std::shared_ptr<Gate> make(boost::asio::any_io_executor loop, GateLimits limits);

  // Waits for leave to log in, for as long as it takes unless the context ends. `session` gets the unit of
  // the new session unless it holds one already; the result is the unit of the login itself.
  Awaitable<Result<Unit>> enter(Context ctx, GateQueue::Rank rank, Unit& session);

  void set_limits(GateLimits limits);
  void close() { closed_ = true; }  // lets nobody in any more: the loop is about to go
  const GateQueue& queue() const { return queue_; }

 private:
  Gate(boost::asio::any_io_executor loop, GateLimits limits);
  void step();

  boost::asio::any_io_executor loop_;
  GateQueue queue_;
  std::map<GateQueue::Id, std::shared_ptr<boost::asio::steady_timer>> sleepers_;  // cancelled to wake
  std::set<GateQueue::Id> let_in_;                                                // and not yet awake
  boost::asio::steady_timer timer_;
  bool closed_ = false;
};

}  // namespace linewatch::connection
