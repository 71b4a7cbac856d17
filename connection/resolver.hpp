#pragma once
// Names to addresses, off the loop: getaddrinfo cannot be interrupted, so it runs on threads of its own and
// an answer that nobody waits for any more is dropped. Literals are answered at once. Answers are kept for a
// minute; a failure for 5 s. Safe to use from several loops.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connection/context.hpp"
#include "connection/error.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

class Resolver {
 public:
  using Addresses = std::vector<boost::asio::ip::address>;
  // What a thread asks: blocks as long as it likes. The error is the cause alone ("Name or service not
  // known").
  using Lookup = std::function<std::expected<Addresses, std::string>(const std::string& host, int family)>;

  explicit Resolver(int threads = 2);  // the system's lookup: getaddrinfo
  Resolver(int threads, Lookup lookup);
  ~Resolver();  // does not wait for a lookup that hangs

  // `family`: 0 any, 4, 6. Runs on the caller's loop; ErrorCode::resolve names the host and the cause.
  Awaitable<Result<Addresses>> resolve(Context ctx, std::string host, int family = 0);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace linewatch::connection
