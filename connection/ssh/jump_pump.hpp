#pragma once
// Carries octets between the channels of one SSH session and local sockets. No coroutine, no buffer without
// bound, one pass at a time: a pass is run when the connection or a local socket is ready, serves the
// channels that have something to do, and arms what to wait for next. libssh calls back only to leave notes.
// Owned by a JumpConnection through a shared_ptr, since handlers in flight run once more after stop().

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connection/bell.hpp"
#include "connection/ssh/jump_host.hpp"

namespace linewatch::connection {

class JumpPump : public std::enable_shared_from_this<JumpPump> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  // `session` is logged in and lives until stop(), as does `socket`, its connection. A connection that is
  // silent for `patience` is asked for a sign of life, and is lost when nothing came for three times as long.
  JumpPump(boost::asio::any_io_executor loop, ssh_session session, int socket, Clock::duration patience);
  ~JumpPump();

  void start();
  // Ends all channels and forgets session and socket; `why` is what those behind are told.
  void stop(const std::string& why);
  bool stopped() const { return session_ == nullptr; }
  std::size_t channels() const { return channels_.size(); }

  // The error is the bare cause, without the names of router and jump host.
  Awaitable<Result<JumpStream>> open(Context ctx, std::string address, std::uint16_t port);

  std::function<void(const std::string& why)> lost;  // posted once, when the connection is found dead
  std::function<void()> channels_changed;            // posted

 private:
  struct Channel;
  using ChannelPointer = std::shared_ptr<Channel>;

  static int on_data(ssh_session, ssh_channel, void* data, std::uint32_t size, int is_error, void* channel);
  static int on_window(ssh_session, ssh_channel, std::uint32_t, void* channel);
  static void on_eof(ssh_session, ssh_channel, void* channel);
  static void on_close(ssh_session, ssh_channel, void* channel);

  void pass();
  void pass_later();
  bool poll_session();
  bool write_pending() const;
  void serve(const ChannelPointer& channel);
  void serve_opening(const ChannelPointer& channel);
  void serve_closing(const ChannelPointer& channel);
  bool to_near_end(const ChannelPointer& channel);
  bool to_far_end(const ChannelPointer& channel);
  void take_near_end(const ChannelPointer& channel, std::size_t most);
  Result<int> connect_near_end(const ChannelPointer& channel);
  void finish(const ChannelPointer& channel);
  void mark(const ChannelPointer& channel);
  void hold_up(const ChannelPointer& channel);
  void await(const ChannelPointer& channel, Socket::wait_type what);
  void arm();
  void tell_channels_changed();
  void lose();
  void lose(const std::string& why);
  void watch_silence();
  void ask_for_life();

  boost::asio::any_io_executor loop_;
  ssh_session session_;
  Socket socket_;  // a copy of the session's, to wait for
  ssh_event event_ = nullptr;
  ssh_counter_struct counter_{};
  std::vector<ChannelPointer> channels_, marked_,
      held_up_;  // all; with something to do; until the line is free
  std::shared_ptr<std::string> loss_ = std::make_shared<std::string>();
  Clock::duration patience_;
  boost::asio::steady_timer silence_;
  std::uint64_t heard_ = 0;  // octets, when that was last looked at
  int silences_ = 0;         // looks in a row at which there were no more
  bool progress_ = false;    // in this round: something was handed to libssh
  bool posted_ = false, awaits_read_ = false, awaits_write_ = false;
};

}  // namespace linewatch::connection
