#include "connection/ssh/jump_pump.hpp"

#include <fcntl.h>
#include <libssh/server.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

namespace {

constexpr std::size_t inbound_limit = 64 * 1024;  // octets of one channel that wait for its near end
constexpr std::size_t piece = 16 * 1024;          // read from a near end at a time
constexpr int most_silences = 3;
// Connects that it has not answered and nobody waits for: it gives up its own after minutes. To one router,
// so that dark ones do not use up what the others need.
constexpr std::size_t most_abandoned = 3;
constexpr int most_rounds = 16;  // in one pass: an endless flow must not keep the loop to itself

// Both directions are shut: the session at the near end is gone.
bool hung_up(int fd) {
  pollfd watched{fd, 0, 0};
  return ::poll(&watched, 1, 0) > 0 && (watched.revents & (POLLHUP | POLLERR)) != 0;
}

// libssh: "Channel opening failure: channel 43 error (2) Connection refused"
Error opening_failure(std::string_view message) {
  Error error{ErrorCode::unreachable, Phase::tcp_connect, "cannot connect to the router"};
  const std::size_t begin = message.find("error (");
  if (begin == std::string_view::npos) return error;
  const std::size_t end = message.find(')', begin);
  const std::string_view reason = message.substr(begin + 7, std::min(end, message.size()) - begin - 7);
  std::string words(message.substr(std::min(end, message.size() - 1) + 1));
  words.erase(0, words.find_first_not_of(' '));
  // RFC 4254 section 5.1
  if (reason == "1") error.text = "does not permit connections to the router";
  if (reason == "4") error.text = "no free channel";  // no session limit of the router's
  if (!words.empty()) error.text += ": " + words.substr(0, 200);
  return error;
}

}  // namespace

struct JumpPump::Channel : std::enable_shared_from_this<Channel> {
  enum class State { opening, open, closing, gone };
  Channel(JumpPump& owner, std::string to, std::uint16_t at)
      : pump(&owner), address(std::move(to)), port(at), near(owner.loop_), changed(owner.loop_) {}

  JumpPump* pump;  // while libssh knows the channel
  std::string address;
  std::uint16_t port;
  State state = State::opening;
  ssh_channel raw = nullptr;
  ssh_channel_callbacks_struct callbacks{};
  Socket near;
  std::string inbound;                       // came from the far end, for the near end
  std::string outbound;                      // taken from the near end, not taken by libssh yet
  Bell changed;                              // rung when `opening` ends
  Error failure;                             // why it ended without a channel
  bool abandoned = false;                    // nobody waits for it any more
  bool starved = false;                      // libssh holds more for the near end
  bool far_eof = false, far_closed = false;  // nothing more comes
  bool near_eof = false;                     // nothing more goes
  bool near_shut = false, far_shut = false;  // told to the other end
  bool marked = false, held_up = false;
  bool awaits[3] = {};  // by Socket::wait_type
};

JumpPump::JumpPump(asio::any_io_executor loop, ssh_session session, int socket, Clock::duration patience)
    : loop_(std::move(loop)), session_(session), socket_(loop_), patience_(patience), silence_(loop_) {
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  boost::system::error_code failure;
  if (copy >= 0) socket_.assign(asio::generic::stream_protocol(AF_UNSPEC, 0), copy, failure);
  if (copy >= 0 && failure) ::close(copy);
}

JumpPump::~JumpPump() {
  stop("the connection to the jump host was dropped");
}

void JumpPump::start() {
  event_ = ssh_event_new();
  ssh_event_add_session(event_, session_);
  ssh_set_counters(session_, &counter_, nullptr);
  if (!socket_.is_open()) return stop("no file descriptor left");
  watch_silence();
  arm();
}

// A server that hangs behind a living TCP connection would take everybody behind it along, each at its own
// time limit. It must answer even what it does not know.
void JumpPump::watch_silence() {
  silence_.expires_after(patience_);
  silence_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (!self || cancelled) return;
    self->pass();  // hears what has come while the loop was busy elsewhere
    if (self->stopped()) return;
    const bool heard = std::exchange(self->heard_, self->counter_.in_bytes) != self->counter_.in_bytes;
    self->silences_ = heard ? 0 : self->silences_ + 1;
    if (self->silences_ == most_silences) return self->lose("it has stopped answering");
    if (!heard) self->ask_for_life();
    self->watch_silence();
  });
}

// libssh's call sends nothing if the answer to an earlier one is still to be collected.
void JumpPump::ask_for_life() {
  for (int call = 0; call < 2; ++call) ssh_send_keepalive(session_);
  pass_later();  // it may have read, too
}

void JumpPump::stop(const std::string& why) {
  if (stopped()) return;
  silence_.cancel();
  *loss_ = why;
  for (const ChannelPointer& channel : std::exchange(channels_, {})) {
    if (channel->raw != nullptr) {
      ssh_remove_channel_callbacks(channel->raw, &channel->callbacks);
      ssh_channel_free(channel->raw);
      channel->raw = nullptr;
    }
    if (channel->state == Channel::State::opening || channel->state == Channel::State::open)
      channel->failure = Error{ErrorCode::closed, Phase::tcp_connect, why};
    channel->state = Channel::State::gone;
    channel->pump = nullptr;
    boost::system::error_code ignored;
    channel->near.close(ignored);
    channel->changed.ring();
  }
  marked_.clear();
  held_up_.clear();
  ssh_set_counters(session_, nullptr, nullptr);
  ssh_event_remove_session(event_, session_);
  ssh_event_free(event_);
  event_ = nullptr;
  session_ = nullptr;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void JumpPump::lose() {
  const char* const reason = ssh_get_disconnect_message(session_);
  std::string why = "the connection broke";
  if (reason != nullptr && *reason != '\0') why = std::string("it closed its connection: \"") + reason + '"';
  lose(why);
}

void JumpPump::lose(const std::string& why) {
  stop(why);
  asio::post(loop_, [self = shared_from_this(), why] {
    const auto tell = self->lost;  // a copy: it may be taken back while it runs
    if (tell) tell(why);
  });
}

Awaitable<Result<JumpStream>> JumpPump::open(Context ctx, std::string address, std::uint16_t port) {
  constexpr Phase phase = Phase::tcp_connect;
  const auto self = shared_from_this();
  if (stopped()) co_return fail(ErrorCode::closed, phase, "the connection broke");
  const auto abandoned = std::ranges::count_if(channels_, [&](const ChannelPointer& other) {
    return other->abandoned && other->port == port && other->address == address;
  });
  if (std::cmp_greater_equal(abandoned, most_abandoned)) {
    co_return fail(ErrorCode::unreachable, phase,
                   "its last " + std::to_string(abandoned) + " connects to the router are still unanswered");
  }
  const auto channel = std::make_shared<Channel>(*this, std::move(address), port);
  channel->raw = ssh_channel_new(session_);
  if (channel->raw == nullptr) co_return fail(ErrorCode::internal, phase, "no memory for a channel");
  ssh_channel_callbacks_struct& callbacks = channel->callbacks;
  callbacks.userdata = channel.get();
  callbacks.channel_data_function = on_data;
  callbacks.channel_eof_function = on_eof;
  callbacks.channel_close_function = on_close;
  callbacks.channel_write_wontblock_function = on_window;
  ssh_callbacks_init(&callbacks);
  ssh_set_channel_callbacks(channel->raw, &callbacks);
  channels_.push_back(channel);
  tell_channels_changed();
  pass_later();
  while (channel->state == Channel::State::opening) {
    if (ctx.stopped() || ctx.expired()) {
      // Its answer must still be heard: a channel that opens for nobody would stay open.
      channel->abandoned = true;
      if (ctx.stopped()) co_return fail(ErrorCode::cancelled, phase, "cancelled during TCP connect");
      co_return fail(ErrorCode::unreachable, phase, "no answer to the TCP connect in time");
    }
    co_await channel->changed.wait(ctx);
  }
  if (channel->state != Channel::State::open) co_return std::unexpected<Error>(channel->failure);
  auto near_end = connect_near_end(channel);
  if (!near_end) {
    channel->state = Channel::State::closing;
    mark(channel);
    pass_later();
    co_return std::unexpected<Error>(std::move(near_end.error()));
  }
  mark(channel);
  pass_later();
  co_return JumpStream(*near_end, loss_);
}

Result<int> JumpPump::connect_near_end(const ChannelPointer& channel) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return fail(ErrorCode::internal, Phase::tcp_connect, "no file descriptor left");
  boost::system::error_code failure;
  channel->near.assign(asio::generic::stream_protocol(AF_UNIX, 0), ends[0], failure);
  if (!failure) return ends[1];
  ::close(ends[0]);
  ::close(ends[1]);
  return fail(ErrorCode::internal, Phase::tcp_connect, "no socket: " + failure.message());
}

// libssh's notes. What is not taken stays with it and counts against the channel's window.
int JumpPump::on_data(ssh_session, ssh_channel, void* data, std::uint32_t size, int is_error, void* channel) {
  auto& self = *static_cast<Channel*>(channel);
  if (is_error != 0) return static_cast<int>(size);
  const std::size_t taken = std::min<std::size_t>(size, inbound_limit - self.inbound.size());
  self.inbound.append(static_cast<const char*>(data), taken);
  if (taken < size) self.starved = true;
  self.pump->mark(self.shared_from_this());
  return static_cast<int>(taken);
}

int JumpPump::on_window(ssh_session, ssh_channel, std::uint32_t, void* channel) {
  auto& self = *static_cast<Channel*>(channel);
  self.pump->mark(self.shared_from_this());
  return 0;
}

void JumpPump::on_eof(ssh_session, ssh_channel, void* channel) {
  auto& self = *static_cast<Channel*>(channel);
  self.far_eof = true;
  self.pump->mark(self.shared_from_this());
}

void JumpPump::on_close(ssh_session, ssh_channel, void* channel) {
  auto& self = *static_cast<Channel*>(channel);
  self.far_eof = self.far_closed = true;
  self.pump->mark(self.shared_from_this());
}

void JumpPump::mark(const ChannelPointer& channel) {
  if (std::exchange(channel->marked, true)) return;
  marked_.push_back(channel);
}

void JumpPump::pass_later() {
  if (std::exchange(posted_, true)) return;
  asio::post(loop_, [self = shared_from_this()] {
    self->posted_ = false;
    self->pass();
  });
}

bool JumpPump::write_pending() const {
  return (ssh_get_status(session_) & SSH_WRITE_PENDING) != 0;
}

// Reads and sends what can be, without waiting. False when the connection is gone.
bool JumpPump::poll_session() {
  return ssh_event_dopoll(event_, 0) != SSH_ERROR && ssh_is_connected(session_) != 0 &&
         ssh_get_fd(session_) >= 0;
}

void JumpPump::pass() {
  if (stopped()) return;
  bool more = true;
  for (int round = 0; more && round < most_rounds; ++round) {
    const std::uint64_t before = counter_.in_bytes;
    progress_ = false;
    if (!poll_session()) return lose();
    if (!write_pending()) {
      for (const ChannelPointer& channel : std::exchange(held_up_, {})) {
        channel->held_up = false;
        mark(channel);
      }
    }
    const std::vector<ChannelPointer> channels = channels_;
    for (const ChannelPointer& channel : channels) {
      // Its answer may be among what came, and libssh calls nobody for that.
      if (channel->state == Channel::State::opening) serve_opening(channel);
    }
    for (const ChannelPointer& channel : std::exchange(marked_, {})) {
      channel->marked = false;
      serve(channel);
    }
    more = progress_ || counter_.in_bytes != before || !marked_.empty();
  }
  if (more) pass_later();
  arm();
}

void JumpPump::serve(const ChannelPointer& channel) {
  switch (channel->state) {
    case Channel::State::opening:
      return serve_opening(channel);
    case Channel::State::open:
      if (!channel->near.is_open()) return;  // whoever waited for it has not run yet
      if (!to_near_end(channel) || !to_far_end(channel)) channel->state = Channel::State::closing;
      if (channel->state != Channel::State::closing) return;
      [[fallthrough]];
    case Channel::State::closing:
      return serve_closing(channel);
    case Channel::State::gone:
      return;
  }
}

void JumpPump::serve_opening(const ChannelPointer& channel) {
  const int result =
      ssh_channel_open_forward(channel->raw, channel->address.c_str(), channel->port, "127.0.0.1", 0);
  if (result == SSH_AGAIN) return;
  if (result == SSH_OK) {
    channel->state = channel->abandoned ? Channel::State::closing : Channel::State::open;
    if (channel->abandoned) return serve_closing(channel);
  } else {
    channel->failure = opening_failure(ssh_get_error(session_));
    finish(channel);
  }
  channel->changed.ring();
}

void JumpPump::serve_closing(const ChannelPointer& channel) {
  boost::system::error_code ignored;
  channel->near.close(ignored);
  if (!channel->far_closed && ssh_channel_close(channel->raw) == SSH_AGAIN) return hold_up(channel);
  finish(channel);
}

void JumpPump::finish(const ChannelPointer& channel) {
  ssh_remove_channel_callbacks(channel->raw, &channel->callbacks);
  ssh_channel_free(channel->raw);
  channel->raw = nullptr;
  channel->pump = nullptr;
  channel->state = Channel::State::gone;
  boost::system::error_code ignored;
  channel->near.close(ignored);
  std::erase(channels_, channel);
  tell_channels_changed();
}

void JumpPump::tell_channels_changed() {
  asio::post(loop_, [self = shared_from_this()] {
    const auto tell = self->channels_changed;
    if (tell) tell();
  });
}

// False when the channel is at its end.
bool JumpPump::to_near_end(const ChannelPointer& channel) {
  const int fd = channel->near.native_handle();
  std::string& inbound = channel->inbound;
  for (;;) {
    if (inbound.empty() && channel->starved) {
      inbound.resize(inbound_limit);
      const int count = ssh_channel_read_nonblocking(channel->raw, inbound.data(), inbound_limit, 0);
      inbound.resize(static_cast<std::size_t>(std::max(count, 0)));
      channel->starved = static_cast<std::size_t>(std::max(count, 0)) == inbound_limit;
    }
    if (inbound.empty()) break;
    const ssize_t sent = ::send(fd, inbound.data(), inbound.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      await(channel, Socket::wait_write);
      return true;
    }
    if (sent < 0) return false;  // nobody is there any more
    inbound.erase(0, static_cast<std::size_t>(sent));
  }
  if (inbound.capacity() > piece) std::string().swap(inbound);  // idle channels hold nothing
  if (channel->far_closed) return false;
  if (channel->far_eof && !std::exchange(channel->near_shut, true)) ::shutdown(fd, SHUT_WR);
  return true;
}

// False when the channel is to be closed. One piece a turn: the others first.
bool JumpPump::to_far_end(const ChannelPointer& channel) {
  std::string& outbound = channel->outbound;
  if (!outbound.empty() || !channel->near_eof) {
    const std::uint32_t window = ssh_channel_window_size(channel->raw);
    if (outbound.empty() && window == 0) return true;  // on_window() will tell
    if (write_pending()) {
      hold_up(channel);
      return true;
    }
    if (outbound.empty()) take_near_end(channel, std::min<std::size_t>(window, piece));
    if (!outbound.empty()) {
      const auto size = static_cast<std::uint32_t>(outbound.size());
      const int written = ssh_channel_write(channel->raw, outbound.data(), size);
      if (written == SSH_ERROR) return false;
      if (written > 0) {  // nothing is taken while keys are being exchanged anew
        outbound.erase(0, static_cast<std::size_t>(written));
        progress_ = true;
      }
      hold_up(channel);
      return true;
    }
    std::string().swap(outbound);  // idle channels hold nothing
    if (!channel->near_eof) {
      await(channel, Socket::wait_read);
      return true;
    }
  }
  if (hung_up(channel->near.native_handle())) return false;
  // Only that direction is at its end: the session takes leave and waits for the router's close.
  if (!std::exchange(channel->far_shut, true)) ssh_channel_send_eof(channel->raw);
  await(channel, Socket::wait_error);
  return true;
}

void JumpPump::take_near_end(const ChannelPointer& channel, std::size_t most) {
  ssize_t count = 0;
  channel->outbound.resize_and_overwrite(most, [&](char* data, std::size_t) {
    do {
      count = ::recv(channel->near.native_handle(), data, most, MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    return static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  });
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) channel->near_eof = true;
}

// Until what libssh holds has been sent.
void JumpPump::hold_up(const ChannelPointer& channel) {
  if (std::exchange(channel->held_up, true)) return;
  held_up_.push_back(channel);
}

void JumpPump::await(const ChannelPointer& channel, Socket::wait_type what) {
  bool& awaits = channel->awaits[what];
  if (std::exchange(awaits, true)) return;
  const auto self = shared_from_this();
  channel->near.async_wait(what, [self, channel, what](boost::system::error_code) {
    channel->awaits[what] = false;
    if (self->stopped() || channel->state == Channel::State::gone) return;
    self->mark(channel);
    self->pass();
  });
}

void JumpPump::arm() {
  if (stopped()) return;
  const auto self = shared_from_this();
  if (!std::exchange(awaits_read_, true)) {
    socket_.async_wait(Socket::wait_read, [self](boost::system::error_code) {
      self->awaits_read_ = false;
      self->pass();
    });
  }
  if (!write_pending() || std::exchange(awaits_write_, true)) return;
  socket_.async_wait(Socket::wait_write, [self](boost::system::error_code) {
    self->awaits_write_ = false;
    self->pass();
  });
}

}  // namespace linewatch::connection
