#include "scheduler/borrowed.hpp"

#include <utility>

namespace linewatch::scheduler {

using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
using connection::Phase;
using connection::Result;

Awaitable<Result<void>> Borrowed::borrow(Context ctx, std::string holder) {
  give_back();
  auto lease = co_await pool_.acquire(ctx, std::move(holder));
  if (!lease) co_return std::unexpected<Error>(std::move(lease.error()));
  reused_ = !lease->fresh();
  since_ = Clock::now();
  lease_.emplace(std::move(*lease));
  co_return Result<void>();
}

void Borrowed::give_back() {
  if (!lease_) return;
  lease_.reset();
  held_ += Clock::now() - since_;
}

bool Borrowed::another_may_do(const Error& error) {
  const bool stale = error.code == ErrorCode::closed && error.phase == Phase::write && reused_;
  if (stale && ++found_closed_ <= pool_.core().policy().max_connections) return true;
  found_closed_ = 0;
  return false;
}

}  // namespace linewatch::scheduler
