#pragma once
// Names to addresses, off the loop: getaddrinfo cannot be interrupted, so it runs on threads of its own and an answer
// that nobody waits for any more is dropped. Literals are answered at once. Answers are kept for a minute; a failure for 5 s.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <string>
#include <vector>

#include "connection/context.hpp"
#include "connection/error.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

class Resolver {
 public:
  explicit Resolver(int threads = 2);
  ~Resolver();  // does not wait for a lookup that hangs

  // `family`: 0 any, 4, 6. Runs on the caller's loop; ErrorCode::resolve names the host and the cause.
  Awaitable<Result<std::vector<boost::asio::ip::address>>> resolve(Context ctx, std::string host, int family = 0);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace linewatch::connection
