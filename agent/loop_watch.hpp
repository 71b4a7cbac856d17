#pragma once
// How long the agent's event loop lets others wait, since all it does is done there one after the other: a
// timer that is due every 20 ms measures how late it comes. What holds the loop for longer is seen, short by
// 20 ms at most; the price is fifty short wake-ups a second. Owned by the agent, on its loop.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "connection/histogram.hpp"

namespace linewatch::agent {

class LoopWatch {
 public:
  explicit LoopWatch(boost::asio::any_io_executor loop) : timer_(std::move(loop)) {}

  void start();  // until it is destroyed
  const connection::Histogram& stalls() const { return stalls_; }

 private:
  boost::asio::steady_timer timer_;
  connection::Histogram stalls_;
};

}  // namespace linewatch::agent
