#pragma once
// A deadline and a stop, handed down every call that can wait, first and by value. A child is never later
// than its parent. The deadline stays a value until it meets a file descriptor or a pool's timer.

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <utility>

namespace linewatch::connection {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

class Context {
 public:
  Context() = default;  // no deadline, never stopped
  Context(TimePoint deadline, std::stop_token stop) : deadline_(deadline), stop_(std::move(stop)) {}

  [[nodiscard]] Context until(TimePoint deadline) const { return {std::min(deadline_, deadline), stop_}; }
  [[nodiscard]] Context within(Clock::duration limit, TimePoint now = Clock::now()) const {
    return until(limit > TimePoint::max() - now ? TimePoint::max() : now + limit);
  }
  // The same deadline under another stop; the caller links that stop to this one where both must count.
  [[nodiscard]] Context stopped_by(std::stop_token stop) const { return {deadline_, std::move(stop)}; }

  TimePoint deadline() const { return deadline_; }
  bool has_deadline() const { return deadline_ != TimePoint::max(); }
  bool expired(TimePoint now = Clock::now()) const { return now >= deadline_; }
  const std::stop_token& stop() const { return stop_; }
  bool stopped() const { return stop_.stop_requested(); }

 private:
  TimePoint deadline_ = TimePoint::max();
  std::stop_token stop_;
};

}  // namespace linewatch::connection
