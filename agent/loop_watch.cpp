#include "agent/loop_watch.hpp"

namespace linewatch::agent {

namespace {

constexpr auto interval = std::chrono::milliseconds(20);

}  // namespace

void LoopWatch::start() {
  timer_.expires_after(interval);
  timer_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    stalls_.add(std::chrono::steady_clock::now() - timer_.expiry());
    start();
  });
}

}  // namespace linewatch::agent
