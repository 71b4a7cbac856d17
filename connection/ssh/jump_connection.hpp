#pragma once
// A logged-in SSH connection without a command line, as a way to other routers: it opens channels and carries
// their octets to and from local sockets. One pump serves all channels, driven by readiness alone, with
// bounded buffers in both directions: a channel whose far or near end takes nothing stops being read and
// disturbs no other. Owned by a JumpHost, on its loop.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "connection/session.hpp"
#include "connection/ssh/jump_host.hpp"
#include "connection/ssh/transport.hpp"

namespace linewatch::connection {

class JumpPump;

class JumpConnection final : public Session {
 public:
  // The transport is authenticated and has no channel. `patience`: see JumpPump.
  JumpConnection(const boost::asio::any_io_executor& loop, std::unique_ptr<Transport> transport,
                 Clock::duration patience);
  ~JumpConnection() override;  // ends all channels

  // Called from the loop, never from within a call of this object's.
  void on_lost(std::function<void(const std::string& why)> lost);
  void on_channels_changed(std::function<void()> changed);

  Awaitable<Result<JumpStream>> open(Context ctx, std::string address, std::uint16_t port);
  std::size_t channels() const;

  Awaitable<Result<CommandOutput>> run(Context ctx, Command command) override;  // never: there is no shell
  Awaitable<Result<void>> check(Context ctx) override;
  Awaitable<Result<void>> recover(Context ctx) override;
  Awaitable<void> close(Context ctx) override;
  bool dirty() const override { return false; }
  bool alive() const override;

 private:
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<JumpPump> pump_;
};

}  // namespace linewatch::connection
