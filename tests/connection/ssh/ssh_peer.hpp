#pragma once
// A small SSH server in a thread of this process, for what sshd cannot play: passwords, questions, silence in
// any phase. One connection at a time. Stopped at the end of scope.

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace linewatch::connection::test {

class SshPeer {
 public:
  enum class Silent { never, in_authentication, in_channel, before_prompt };

  struct Options {
    int methods = SSH_AUTH_METHOD_PASSWORD;
    std::string user = "netmon", password = "right";
    std::vector<std::string> questions = {"Password: "};  // keyboard-interactive
    bool hang_up_after_rejection = false;
    Silent silent = Silent::never;
    std::string prompt = "peer-1#";
    bool stays_connected = false;  // after "exit": the client is to close the connection
  };

  SshPeer() : SshPeer(Options{}) {}
  explicit SshPeer(Options options);
  ~SshPeer();
  SshPeer(const SshPeer&) = delete;
  SshPeer& operator=(const SshPeer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  bool said_goodbye() const { return said_goodbye_; }  // its last words after "exit" are on their way
  // "password netmon wrong", "interactive netmon right", "key netmon"; in the order they came.
  std::vector<std::string> tries() const;

 private:
  void serve();
  void serve_one(int fd);
  bool authenticate(ssh_session session);
  bool judge(ssh_session session, ssh_message message);
  bool serve_channel(ssh_session session);  // false: no other follows
  bool run(ssh_session session, ssh_channel channel, const std::string& command);
  void shell(ssh_session session, ssh_channel channel);
  void note(std::string text);
  bool await(int fd) const;                             // readable; false when the peer is to stop
  ssh_message next_message(ssh_session session) const;  // null when the connection is over
  void hang() const;                                    // until then

  Options options_;
  ssh_key host_key_ = nullptr;
  std::string user_;  // of the last request
  int listener_ = -1, wake_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> said_goodbye_ = false;
  mutable std::mutex mutex_;  // over what follows
  std::vector<std::string> tries_;
  std::thread thread_;
};

}  // namespace linewatch::connection::test
