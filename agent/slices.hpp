#pragma once
// Lets others have the loop now and then, in work that would keep it for long. Owned by the coroutine that
// does the work.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "connection/session.hpp"

namespace linewatch::agent {

class Slices {
 public:
  explicit Slices(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {}

  bool over() const { return connection::Clock::now() - began_ > std::chrono::milliseconds(5); }
  connection::Awaitable<void> next() {
    co_await boost::asio::post(loop_, boost::asio::use_awaitable);
    began_ = connection::Clock::now();
  }

 private:
  boost::asio::any_io_executor loop_;
  connection::TimePoint began_ = connection::Clock::now();
};

}  // namespace linewatch::agent
