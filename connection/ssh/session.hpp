#pragma once
// A command line over SSH as the pool sees it: the transport and the driver, joined. Lives on the router's
// loop.

#include <memory>

#include "connection/cli/driver.hpp"
#include "connection/session.hpp"
#include "connection/ssh/transport.hpp"

namespace linewatch::connection {

class SshSession final : public Session {
 public:
  // The transport's shell stands; the driver has not logged in yet.
  SshSession(std::unique_ptr<Transport> transport, DriverSettings settings);

  Awaitable<Result<void>> login(Context ctx);
  Awaitable<Result<CommandOutput>> run(Context ctx, Command command) override;
  Awaitable<Result<void>> check(Context ctx) override;
  Awaitable<Result<void>> recover(Context ctx) override;
  Awaitable<void> close(Context ctx) override;
  bool privileged() const override { return driver_.privileged(); }
  bool dirty() const override { return driver_.dirty(); }
  bool alive() const override { return transport_->alive(); }
  void on_hang_up(std::function<void()> gone) override { transport_->on_hang_up(std::move(gone)); }
  const std::string& prompt() const { return driver_.prompt(); }

 private:
  std::unique_ptr<Transport> transport_;
  Driver driver_;
};

}  // namespace linewatch::connection
