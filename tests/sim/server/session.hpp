#pragma once
// One client's connection to a simulated router: SSH by libssh, driven without blocking by one wait on its
// socket and one timer, on the simulator's loop. Kept alive by its pending handlers; tells its router's
// counts when it has gone.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <vector>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "tests/sim/router/shell.hpp"
#include "tests/sim/server/events.hpp"
#include "tests/sim/server/host_key.hpp"

namespace linewatch::sim {

struct SshDeleter {
  void operator()(ssh_session session) const { ssh_free(session); }
  void operator()(ssh_bind bind) const { ssh_bind_free(bind); }
  void operator()(ssh_message message) const { ssh_message_free(message); }
};
using SshSession = std::unique_ptr<ssh_session_struct, SshDeleter>;
using SshBind = std::unique_ptr<ssh_bind_struct, SshDeleter>;
using SshMessage = std::unique_ptr<ssh_message_struct, SshDeleter>;

// What the sessions of a router share.
struct RouterState {
  RouterState(RouterConfig c, std::shared_ptr<Events> e)
      : config(std::move(c)), network(config), events(std::move(e)) {}
  RouterConfig config;
  Network network;
  std::shared_ptr<Events> events;
  std::vector<Key> authorized_keys;
  SshBind bind;
  RouterCounts counts;
};

class Session : public std::enable_shared_from_this<Session>, public ShellObserver {
 public:
  using TimePoint = Shell::TimePoint;

  Session(std::shared_ptr<RouterState> router, boost::asio::ip::tcp::socket socket);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  void drop();  // cuts the connection; harmless when it has gone

 private:
  enum class Stage { mute, key_exchange, serving, gone };
  struct Channel {
    ssh_channel handle = nullptr;  // freed when the channel is over, else with the session
    ssh_channel_callbacks_struct callbacks{};
    std::string in;  // typed, not yet fed to the shell
    Terminal terminal;
    std::unique_ptr<Shell> shell;
    std::string out;         // not yet taken by libssh
    TimePoint next_write{};  // where output is sent in slow pieces
    bool paused = false;     // the next piece waits for that time
    bool exec = false;
    bool finished = false;  // exit status and close were sent
  };

  // The pump: everything that can be done now, then the wait for more.
  void pump();
  bool exchange_keys();
  void receive(TimePoint now);
  static int on_data(ssh_session, ssh_channel, void* data, std::uint32_t size, int, void* channel);
  void run_shell(Channel& channel, TimePoint now);
  void write(Channel& channel, TimePoint now);
  void finish(Channel& channel, TimePoint now);
  void wait();
  TimePoint next_wakeup() const;
  bool unsent() const;

  // What clients ask for. A handler takes over the message.
  void on_message(SshMessage message, TimePoint now);
  void on_auth(SshMessage message);
  void decide_auth(SshMessage message);
  bool password_fits(const std::string& user, const char* password) const;
  bool key_fits(const std::string& user, ssh_key key) const;
  void accept_auth(ssh_message message, const std::string& user, const char* method);
  void refuse_auth(ssh_message message, const std::string& user, const char* method);
  void on_open(SshMessage message);
  void on_channel(SshMessage message, TimePoint now);
  void start_shell(Channel& channel, TimePoint now);
  void start_exec(Channel& channel, const std::string& command, TimePoint now);

  void on_command(const std::string& line) override;
  void on_ping(const PingCounts& counts, bool interrupted) override;
  void event(const char* name, nlohmann::json details = nlohmann::json::object());

  std::shared_ptr<RouterState> router_;
  std::uint64_t number_;
  Faults faults_;
  Stage stage_ = Stage::key_exchange;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  TimePoint timer_at_ = TimePoint::max();
  bool reading_ = false;
  bool writing_ = false;
  bool again_ = false;  // the pump has to go round once more
  SshSession ssh_;
  std::vector<std::unique_ptr<Channel>> channels_;

  SshMessage held_auth_;  // answered when auth_due_ has come
  TimePoint auth_due_{};
  std::string user_;
  int failures_ = 0;
  bool counted_ = false;  // holds one of the router's lines
  bool over_limit_ = false;
  TimePoint hang_up_ = TimePoint::max();  // after the logout the client has so long to close
};

}  // namespace linewatch::sim
