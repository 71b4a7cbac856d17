#include "connection/ssh/jump_connection.hpp"

#include <utility>

#include "connection/ssh/jump_pump.hpp"

namespace linewatch::connection {

JumpConnection::JumpConnection(const boost::asio::any_io_executor& loop, std::unique_ptr<Transport> transport,
                               Clock::duration patience)
    : transport_(std::move(transport)),
      pump_(std::make_shared<JumpPump>(loop, transport_->ssh(), transport_->socket(), patience)) {
  pump_->start();
}

JumpConnection::~JumpConnection() {
  pump_->lost = nullptr;
  pump_->channels_changed = nullptr;
  pump_->stop("its connection was dropped");
}

void JumpConnection::on_lost(std::function<void(const std::string& why)> lost) {
  pump_->lost = std::move(lost);
}

void JumpConnection::on_channels_changed(std::function<void()> changed) {
  pump_->channels_changed = std::move(changed);
}

Awaitable<Result<JumpStream>> JumpConnection::open(Context ctx, std::string address, std::uint16_t port) {
  return pump_->open(std::move(ctx), std::move(address), port);
}

std::size_t JumpConnection::channels() const {
  return pump_->channels();
}

bool JumpConnection::alive() const {
  return !pump_->stopped() && transport_->alive();
}

Awaitable<Result<CommandOutput>> JumpConnection::run(Context, Command) {
  co_return fail(ErrorCode::internal, Phase::write,
                 transport_->peer().label() + ": a jump host types nothing");
}

Awaitable<Result<void>> JumpConnection::check(Context) {
  if (alive()) co_return Result<void>();
  co_return fail(ErrorCode::closed, Phase::check, transport_->peer().label() + ": the connection is gone");
}

Awaitable<Result<void>> JumpConnection::recover(Context ctx) {
  return check(std::move(ctx));
}

Awaitable<void> JumpConnection::close(Context ctx) {
  pump_->stop("its connection was closed");
  co_await transport_->close(ctx);
}

}  // namespace linewatch::connection
