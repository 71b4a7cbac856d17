#include "tests/sim/server/session.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

namespace linewatch::sim {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t enough_output = 256 * 1024;  // a shell waits until its client has read
constexpr std::size_t max_unfed = 64 * 1024;       // typed before there is a shell
constexpr auto logout_grace = std::chrono::seconds(1);

}  // namespace

Session::Session(std::shared_ptr<RouterState> router, tcp::socket socket)
    : router_(std::move(router)),
      number_(++router_->counts.connections),
      socket_(std::move(socket)),
      timer_(socket_.get_executor()) {
  const Faults& faults = router_->config.faults;
  if (faults.sessions == 0 || number_ <= static_cast<std::uint64_t>(faults.sessions)) faults_ = faults;
}

Session::~Session() {
  channels_.clear();  // shells report a ping that still ran
  if (counted_) --router_->counts.sessions;
  event("closed", {{"sessions", router_->counts.sessions}});
}

void Session::start() {
  event("connected");
  const RouterCounts& counts = router_->counts;
  const bool full = router_->config.max_sessions > 0 && counts.sessions >= router_->config.max_sessions;
  if (full && router_->config.over_limit == OverLimit::disconnect) {
    ++router_->counts.limit_refusals;
    event("limit");
    drop();
    return;
  }
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  if (faults_.silent == Faults::Silent::tcp) {
    stage_ = Stage::mute;
    wait();
    return;
  }
  // libssh closes its descriptor whenever it likes; Asio keeps its own.
  const int fd = fcntl(socket_.native_handle(), F_DUPFD_CLOEXEC, 3);
  ssh_.reset(ssh_new());
  if (fd < 0 || !ssh_ || ssh_bind_accept_fd(router_->bind.get(), ssh_.get(), fd) != SSH_OK) {
    event("error", {{"what", "cannot set up the connection"}});
    drop();
    return;
  }
  ssh_set_blocking(ssh_.get(), 0);
  pump();
}

void Session::drop() {
  if (stage_ == Stage::gone) return;
  stage_ = Stage::gone;
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  timer_.cancel();
  // libssh's objects go with this object: drop() is called from the middle of their use.
}

void Session::pump() {
  if (stage_ == Stage::mute) {
    std::array<char, 4096> sink{};
    error_code error;
    socket_.read_some(boost::asio::buffer(sink), error);
    if (error && error != boost::asio::error::would_block) drop();
  }
  const TimePoint now = std::chrono::steady_clock::now();
  if (stage_ == Stage::key_exchange && !exchange_keys()) return;
  // Sending may bring in packets as well, and then the socket says nothing of them: go round after each.
  for (again_ = true; again_ && stage_ == Stage::serving;) {
    again_ = false;
    receive(now);
    for (const auto& channel : channels_) {
      if (channel->shell && stage_ == Stage::serving) run_shell(*channel, now);
    }
  }
  if (stage_ == Stage::gone) return;
  std::erase_if(channels_, [](const auto& channel) {
    const bool over = ssh_channel_is_closed(channel->handle) != 0;
    if (over) ssh_channel_free(channel->handle);
    return over;
  });
  if (now >= hang_up_ && stage_ != Stage::gone) {
    ssh_disconnect(ssh_.get());
    drop();
  }
  wait();
}

// False when it is not over yet.
bool Session::exchange_keys() {
  const int result = ssh_handle_key_exchange(ssh_.get());
  if (result == SSH_AGAIN) {
    wait();
    return false;
  }
  if (result != SSH_OK) {
    event("key_exchange_failed", {{"what", ssh_get_error(ssh_.get())}});
    drop();
    return false;
  }
  stage_ = Stage::serving;
  return true;
}

void Session::receive(TimePoint now) {
  // ssh_message_get() is the only call here that reads: it returns nothing only when no packet is left, and
  // what is typed comes by callback meanwhile. Reading channels too would now and then swallow a request.
  while (stage_ == Stage::serving) {
    SshMessage message(ssh_message_get(ssh_.get()));
    if (!message) break;
    on_message(std::move(message), now);
  }
  if (held_auth_ && now >= auth_due_ && stage_ == Stage::serving) {
    decide_auth(std::move(held_auth_));
    again_ = true;
  }
  if ((ssh_get_status(ssh_.get()) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0) drop();
}

int Session::on_data(ssh_session, ssh_channel, void* data, std::uint32_t size, int, void* channel) {
  std::string& in = static_cast<Channel*>(channel)->in;
  if (in.size() < max_unfed)
    in.append(static_cast<const char*>(data), size);  // the rest is lost, as on a busy line
  return static_cast<int>(size);
}

void Session::run_shell(Channel& channel, TimePoint now) {
  if (ssh_channel_is_open(channel.handle) == 0 && !channel.finished) {
    channel.shell.reset();
    return;
  }
  if (!channel.in.empty()) channel.shell->feed(std::exchange(channel.in, {}), now);
  if (channel.out.size() < enough_output) channel.shell->advance(now);
  channel.out += channel.shell->take_output();
  write(channel, now);
  if (stage_ == Stage::gone || !channel.out.empty()) return;
  if (channel.shell->cut()) {
    if (!unsent()) drop();
    return;
  }
  const bool eof = ssh_channel_is_eof(channel.handle) != 0 && channel.shell->idle();
  if (channel.shell->closed() || eof) finish(channel, now);
}

void Session::write(Channel& channel, TimePoint now) {
  const auto& config = router_->config;
  std::size_t sent = 0;
  channel.paused = false;
  while (sent < channel.out.size() && !unsent()) {
    channel.paused = config.chunk_delay.count() > 0 && now < channel.next_write;
    if (channel.paused) break;
    std::size_t size = std::min<std::size_t>(channel.out.size() - sent, 16 * 1024);
    if (config.chunk > 0) size = std::min(size, static_cast<std::size_t>(config.chunk));
    size = std::min<std::size_t>(size, ssh_channel_window_size(channel.handle));
    if (size == 0) break;  // the client's window opens again with a packet of its own
    const int count =
        ssh_channel_write(channel.handle, channel.out.data() + sent, static_cast<std::uint32_t>(size));
    if (count < 0) {
      drop();
      return;
    }
    if (count == 0) break;
    sent += static_cast<std::size_t>(count);
    again_ = true;
    channel.next_write = now + config.chunk_delay;
  }
  channel.out.erase(0, sent);
}

void Session::finish(Channel& channel, TimePoint now) {
  if (channel.finished) return;
  channel.finished = true;
  again_ = true;
  ssh_channel_request_send_exit_status(channel.handle, channel.shell->exit_status());
  ssh_channel_send_eof(channel.handle);
  ssh_channel_close(channel.handle);
  if (!channel.exec) hang_up_ = now + logout_grace;
}

bool Session::unsent() const {
  return (ssh_get_status(ssh_.get()) & SSH_WRITE_PENDING) != 0;
}

Session::TimePoint Session::next_wakeup() const {
  TimePoint at = hang_up_;
  if (held_auth_) at = std::min(at, auth_due_);
  for (const auto& channel : channels_) {
    if (!channel->shell || channel->finished) continue;
    if (channel->paused) at = std::min(at, channel->next_write);
    if (const auto due = channel->shell->wakeup(); due && channel->out.size() < enough_output)
      at = std::min(at, *due);
  }
  return at;
}

void Session::wait() {
  if (stage_ == Stage::gone) return;
  const auto self = shared_from_this();
  if (!reading_) {
    reading_ = true;
    socket_.async_wait(tcp::socket::wait_read, [self](error_code error) {
      self->reading_ = false;
      if (!error) self->pump();
    });
  }
  if (ssh_ && unsent() && !writing_) {
    writing_ = true;
    socket_.async_wait(tcp::socket::wait_write, [self](error_code error) {
      self->writing_ = false;
      if (!error) self->pump();
    });
  }
  const TimePoint at = next_wakeup();
  if (at == timer_at_) return;
  timer_at_ = at;
  if (at == TimePoint::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(at);
  timer_.async_wait([self](error_code error) {
    if (error) return;
    self->timer_at_ = TimePoint::max();
    self->pump();
  });
}

void Session::on_command(const std::string& line) {
  ++router_->counts.commands;
  event("command", {{"text", line}});
}

void Session::on_ping(const PingCounts& counts, bool interrupted) {
  ++router_->counts.pings;
  router_->counts.echo_requests += static_cast<std::uint64_t>(counts.sent);
  router_->counts.echo_replies += static_cast<std::uint64_t>(counts.received);
  event("ping", {{"target", counts.target},
                 {"sent", counts.sent},
                 {"received", counts.received},
                 {"interrupted", interrupted}});
}

void Session::event(const char* name, nlohmann::json details) {
  if (!router_->events->wanted()) return;
  details["session"] = number_;
  router_->events->emit(name, router_->config.name, std::move(details));
}

}  // namespace linewatch::sim
