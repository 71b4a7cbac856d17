// The part of the transport that runs single commands, each on a channel of its own.

#include <libssh/server.h>

#include <algorithm>
#include <utility>

#include "connection/ssh/transport.hpp"

namespace linewatch::connection {

namespace {

constexpr std::size_t read_size = 4096;  // what one pass of libssh brings at most
constexpr auto ask_again = std::chrono::seconds(1);
constexpr auto farewell = std::chrono::seconds(1);  // from the end of output to the close

// Appends what is there of one of the two outputs.
int read_output(ssh_channel channel, std::string& into, bool of_errors) {
  const std::size_t had = into.size();
  int count = 0;
  into.resize_and_overwrite(had + read_size, [&](char* data, std::size_t) {
    count = ssh_channel_read_nonblocking(channel, data + had, read_size, of_errors ? 1 : 0);
    return had + static_cast<std::size_t>(std::max(count, 0));
  });
  return count;
}

}  // namespace

Awaitable<Result<void>> Transport::begin_command(Context ctx, std::string text,
                                                 std::vector<Variable> environment) {
  constexpr Phase phase = Phase::write;
  settled_ = false;
  const ssh_channel channel = channel_;
  for (const Variable& variable : environment) {
    const char* const name = variable.name.c_str();
    const char* const value = variable.value.c_str();
    const Step set = [channel, name, value] { return ssh_channel_request_env(channel, name, value); };
    auto done = co_await drive(ctx, phase, set);
    if (!done) co_return std::unexpected<Error>(std::move(done.error()));
    if (!connected()) co_return ssh_failure(phase);
  }
  const char* const line = text.c_str();
  const Step begin = [channel, line] { return ssh_channel_request_exec(channel, line); };
  auto begun = co_await drive(ctx, phase, begin);
  if (!begun) co_return std::unexpected<Error>(std::move(begun.error()));
  settled_ = true;
  if (*begun == SSH_OK) co_return Result<void>();
  if (!connected()) co_return ssh_failure(phase);
  co_return error(ErrorCode::protocol, phase, "the router refuses to run single commands (protocol: exec)");
}

Awaitable<Result<bool>> Transport::read_command(Context ctx, std::string& into) {
  constexpr Phase phase = Phase::read;
  const std::size_t had = into.size();
  TimePoint farewell_by = TimePoint::max();
  for (;;) {
    if (ctx.stopped()) co_return outcome_error(Waiter::Outcome::stopped, phase);
    const int plain = read_output(channel_, into, false);
    const int of_errors = read_output(channel_, into, true);
    if (into.size() != had) {
      if (std::exchange(read_without_waiting_, true)) co_await waiter_.yield();
      co_return true;
    }
    const bool up = connected(), all_said = ssh_channel_is_eof(channel_) != 0;
    // The status is the last word but the close, which libssh may keep to itself behind unread output.
    const bool status = all_said && ssh_channel_get_exit_status(channel_) >= 0;
    if (status || (up ? ssh_channel_is_closed(channel_) != 0 : all_said)) co_return false;
    if (plain == SSH_ERROR || of_errors == SSH_ERROR || !up) {
      gone_ = true;
      co_return error(ErrorCode::closed, phase,
                      with_cause("the router closed the connection in mid-command"));
    }
    // The close follows when the command's means at the router are free again, or never.
    if (all_said && farewell_by == TimePoint::max()) farewell_by = Clock::now() + farewell;
    const Context limited = ctx.until(farewell_by);
    read_without_waiting_ = false;
    auto waited = co_await wait(limited, phase);
    if (!waited && Clock::now() >= farewell_by) co_return false;
    if (!waited) co_return std::unexpected<Error>(std::move(waited.error()));
  }
}

void Transport::interrupt_command() {
  if (channel_ != nullptr && ssh_channel_is_open(channel_) != 0)
    ssh_channel_request_send_signal(channel_, "INT");
}

Awaitable<Result<void>> Transport::end_command(Context ctx) {
  const ssh_channel channel = channel_;
  if (channel == nullptr) co_return Result<void>();
  Result<int> closed = SSH_OK;
  if (ssh_channel_is_open(channel) != 0) {  // one that never opened has no other end
    const Step step = [channel] { return ssh_channel_close(channel); };
    closed = co_await drive(ctx, Phase::close, step);
  }
  ssh_channel_free(channel);
  channel_ = nullptr;
  if (!closed) co_return std::unexpected<Error>(std::move(closed.error()));
  co_return Result<void>();
}

// Any packet is a sign of life; a server must answer even what it does not know. libssh's call sends only if
// no earlier answer is still to be collected.
Awaitable<Result<void>> Transport::probe(Context ctx) {
  constexpr Phase phase = Phase::check;
  if (!alive()) co_return error(ErrorCode::closed, phase, with_cause("the router closed the connection"));
  ssh_set_counters(session_, &taken_, &packets_);
  const std::uint64_t sent = packets_.out_packets;
  for (int call = 0; call < 2 && packets_.out_packets == sent; ++call) ssh_send_keepalive(session_);
  const std::uint64_t received = packets_.in_packets;  // with what came earlier and was not read yet
  while (packets_.in_packets == received) {
    if (!connected()) co_return ssh_failure(phase);
    const Context patient = ctx.within(ask_again);
    auto waited = co_await wait(patient, phase);
    if (!waited && (waited.error().code != ErrorCode::deadline || ctx.expired())) co_return waited;
    ssh_send_keepalive(session_);  // collects the answer, or asks again if it came with what was not read yet
  }
  co_return Result<void>();
}

}  // namespace linewatch::connection
