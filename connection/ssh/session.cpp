#include "connection/ssh/session.hpp"

#include <utility>

namespace linewatch::connection {

SshSession::SshSession(std::unique_ptr<Transport> transport, DriverSettings settings)
    : transport_(std::move(transport)), driver_(*transport_, std::move(settings)) {}

// No coroutines of its own: the driver's are handed through.
Awaitable<Result<void>> SshSession::login(Context ctx) {
  return driver_.login(std::move(ctx));
}

Awaitable<Result<CommandOutput>> SshSession::run(Context ctx, Command command) {
  return driver_.run(std::move(ctx), std::move(command));
}

Awaitable<Result<void>> SshSession::check(Context ctx) {
  return driver_.check(std::move(ctx));
}

Awaitable<Result<void>> SshSession::recover(Context ctx) {
  return driver_.recover(std::move(ctx));
}

Awaitable<void> SshSession::close(Context ctx) {
  if (transport_->alive()) co_await driver_.logout(ctx);
  co_await transport_->close(ctx);
}

}  // namespace linewatch::connection
