#pragma once
// Commands without a command line: each on a channel of its own of one held SSH connection, with no shell,
// terminal or prompt of ours. For routers whose SSH server runs single commands. Lives on the router's loop.

#include <memory>
#include <vector>

#include "config/platform.hpp"
#include "connection/cli/trace.hpp"
#include "connection/session.hpp"
#include "connection/ssh/transport.hpp"

namespace linewatch::connection {

struct ExecSettings {
  std::shared_ptr<const config::Platform> platform;
  Clock::duration read_timeout = std::chrono::seconds(30);  // until a command has begun
  Trace trace;
};

class ExecSession final : public Session {
 public:
  // The transport is authenticated.
  ExecSession(std::unique_ptr<Transport> transport, ExecSettings settings);

  // Both outputs of the command as they come. The watcher's interrupt is a signal; a command that does not
  // end by it in a moment is left: its channel is closed.
  Awaitable<Result<CommandOutput>> run(Context ctx, Command command) override;
  Awaitable<Result<void>> check(Context ctx) override;  // a sign of life of the SSH server
  Awaitable<Result<void>> recover(Context ctx) override;
  Awaitable<void> close(Context ctx) override;
  bool dirty() const override { return dirty_; }
  bool alive() const override { return transport_->alive(); }
  void on_hang_up(std::function<void()> gone) override { transport_->on_hang_up(std::move(gone)); }

 private:
  struct Reading;
  Awaitable<Result<void>> begin(Context ctx, const Command& command, CommandOutput& output);
  Awaitable<Result<void>> read_to_end(Context ctx, Reading& reading);
  std::unexpected<Error> failed(ErrorCode code, Phase phase, const std::string& text) const;
  void trace(TraceDirection direction, std::string_view text, bool secret) const;

  std::unique_ptr<Transport> transport_;
  ExecSettings settings_;
  std::vector<Transport::Variable> environment_;
  bool dirty_ = false;
};

}  // namespace linewatch::connection
