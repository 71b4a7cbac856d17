#include "tests/bench/bare.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <string_view>

#include "connection/ssh/algorithms.hpp"
#include "connection/ssh/random.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

namespace {

constexpr std::string_view prompt = "held#";  // the simulated router is called so

void must(bool good, std::string_view what, ssh_session session) {
  if (!good) give_up("bare loop: " + std::string(what) + ": " + ssh_get_error(session));
}

}  // namespace

BareLoop::BareLoop(const Server& server, int sessions) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  shells_.resize(static_cast<std::size_t>(sessions));
  for (Shell& shell : shells_) {
    log_in(server, shell);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.ptr = &shell;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, ssh_get_fd(shell.session), &wanted);
  }
}

BareLoop::~BareLoop() {
  for (Shell& shell : shells_) {
    ssh_disconnect(shell.session);
    ssh_free(shell.session);
  }
  ::close(epoll_);
}

void BareLoop::log_in(const Server& server, Shell& shell) {
  const ssh_session session = shell.session = ssh_new();
  const bool no = false;
  const unsigned port = server.port;
  const connection::Algorithms offered = connection::algorithms(false, {});  // the same algorithms
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
  ssh_options_set(session, SSH_OPTIONS_HOST, server.address.c_str());
  ssh_options_set(session, SSH_OPTIONS_PORT, &port);
  ssh_options_set(session, SSH_OPTIONS_USER, user);
  ssh_options_set(session, SSH_OPTIONS_KEY_EXCHANGE, offered.key_exchange.c_str());
  ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, offered.host_keys.c_str());
  ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, offered.ciphers.c_str());
  ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, offered.ciphers.c_str());
  const int nodelay = 1;
  ssh_options_set(session, SSH_OPTIONS_NODELAY, &nodelay);
  must(ssh_connect(session) == SSH_OK, "connect", session);
  must(ssh_userauth_password(session, nullptr, password) == SSH_AUTH_SUCCESS, "password", session);
  const ssh_channel channel = shell.channel = ssh_channel_new(session);
  must(ssh_channel_open_session(channel) == SSH_OK, "channel", session);
  must(ssh_channel_request_pty_size(channel, "vt100", 511, 1000) == SSH_OK, "terminal", session);
  must(ssh_channel_request_shell(channel) == SSH_OK, "shell", session);
  ssh_set_blocking(session, 0);
  ::fcntl(ssh_get_fd(session), F_SETFL, O_RDWR | O_NONBLOCK);
  for (const std::string_view line : {"", "terminal length 0\n"}) {
    if (!line.empty()) type_line(shell, line);
    while (!at_prompt(shell)) {
      pollfd wanted{ssh_get_fd(session), POLLIN, 0};
      ::poll(&wanted, 1, 1000);
    }
  }
}

void BareLoop::type_line(Shell& shell, std::string_view line) {
  shell.output.clear();
  const auto size = static_cast<std::uint32_t>(line.size());
  must(ssh_channel_write(shell.channel, line.data(), size) == static_cast<int>(size), "write", shell.session);
}

bool BareLoop::at_prompt(Shell& shell) {
  char octets[4096];
  for (;;) {
    const int count = ssh_channel_read_nonblocking(shell.channel, octets, sizeof octets, 0);
    must(count >= 0 || count == SSH_AGAIN, "read", shell.session);
    if (count > 0) shell.output.append(octets, static_cast<std::size_t>(count));
    if (std::string_view(shell.output).ends_with(prompt)) return true;
    if (count <= 0) return false;
  }
}

void BareLoop::serve(Shell& shell) {
  if (!at_prompt(shell)) return;
  if (shell.output.find("(5/5)") == std::string::npos)
    give_up("bare loop: not a ping's answer: " + shell.output);
  if (shell.left == 0) {
    --busy_;
    return;
  }
  --shell.left;
  type_line(shell, std::string(ping) + '\n');
}

void BareLoop::type(int commands) {
  connection::unbuffer_random_octets();  // as libssh comes
  busy_ = static_cast<int>(shells_.size());
  for (Shell& shell : shells_) {
    shell.left = commands - 1;
    type_line(shell, std::string(ping) + '\n');
  }
  epoll_event events[64];
  while (busy_ > 0) {
    const int count = ::epoll_wait(epoll_, events, 64, -1);
    for (int i = 0; i < count; ++i) serve(*static_cast<Shell*>(events[i].data.ptr));
  }
  connection::buffer_random_octets();
}

}  // namespace linewatch::bench
