#pragma once
// The two-way stream of octets under a command line: an SSH channel, or a script in a test. Owned by a
// session, used by its one driver, on the router's loop.

#include <string>
#include <string_view>

#include "connection/context.hpp"
#include "connection/error.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

class ByteChannel {
 public:
  virtual ~ByteChannel() = default;

  // Appends what came, at least one octet, waiting for it. ErrorCode::deadline and cancelled leave the
  // channel usable; ErrorCode::closed says that the other side is gone.
  virtual Awaitable<Result<void>> read(Context ctx, std::string& into) = 0;
  // Appends what has come already, perhaps nothing. Never waits.
  virtual Result<void> read_ready(std::string& into) = 0;
  // Writes what can go without waiting and takes it off the front of `bytes`. True if all is on its way; else
  // write() does the rest, if it is nothing, too. After an error nothing is known about how much went out.
  virtual Result<bool> write_ready(std::string_view& bytes) = 0;
  // Returns when all octets are on their way. `bytes` outlives the call.
  virtual Awaitable<Result<void>> write(Context ctx, std::string_view bytes) = 0;
};

}  // namespace linewatch::connection
