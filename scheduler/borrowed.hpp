#pragma once
// A session borrowed from a router's pool for as long as a job takes, and another one in its place if the
// first proves to have been closed by the router while it idled: that is no fault of the job's. Owned by the
// coroutine that does the job, on the router's loop.

#include <optional>
#include <string>

#include "connection/pool/pool.hpp"

namespace linewatch::scheduler {

class Borrowed {
 public:
  explicit Borrowed(connection::Pool& pool) : pool_(pool) {}  // the pool outlives it
  ~Borrowed() { give_back(); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  // Waits for a session; the error is the pool's. `holder` names the borrower in status.
  connection::Awaitable<connection::Result<void>> borrow(connection::Context ctx, std::string holder);
  void give_back();  // harmless when repeated

  connection::Session& session() { return lease_->session(); }
  bool reused() const { return reused_; }  // the session had been used before
  void used_by(std::string holder) { lease_->rename(std::move(holder)); }

  // After a failure on the session: was it found closed before anything was typed? A router that closes in
  // mid-command is asked no second time. So often in a row as there may be such sessions.
  bool another_may_do(const connection::Error& error);
  void worked() {  // the session did what it was borrowed for
    reused_ = true;
    found_closed_ = 0;
  }

  connection::Clock::duration held() const { return held_; }  // all leases that were given back

 private:
  connection::Pool& pool_;
  std::optional<connection::Lease> lease_;
  connection::TimePoint since_{};
  connection::Clock::duration held_{};
  bool reused_ = false;
  int found_closed_ = 0;  // in a row
};

}  // namespace linewatch::scheduler
