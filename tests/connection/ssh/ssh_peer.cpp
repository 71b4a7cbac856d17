#include "tests/connection/ssh/ssh_peer.hpp"

#include <arpa/inet.h>
#include <libssh/callbacks.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

// The message interface is old but small; callbacks would be three times the code.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace linewatch::connection::test {

SshPeer::SshPeer(Options options) : options_(std::move(options)) {
  ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &host_key_);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
  ::listen(listener_, 64);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

SshPeer::~SshPeer() {
  const std::uint64_t one = 1;
  if (::write(wake_, &one, sizeof one) != sizeof one) std::abort();
  thread_.join();
  ::close(listener_);
  ::close(wake_);
  ssh_key_free(host_key_);
}

std::vector<std::string> SshPeer::tries() const {
  const std::scoped_lock lock(mutex_);
  return tries_;
}

void SshPeer::note(std::string text) {
  const std::scoped_lock lock(mutex_);
  tries_.push_back(std::move(text));
}

bool SshPeer::await(int fd) const {
  pollfd watched[] = {{fd, POLLIN, 0}, {wake_, POLLIN, 0}};
  while (::poll(watched, 2, -1) < 0) {
  }
  return watched[1].revents == 0;
}

void SshPeer::hang() const {
  pollfd watched{wake_, POLLIN, 0};
  while (::poll(&watched, 1, -1) < 0) {
  }
}

void SshPeer::serve() {
  while (await(listener_)) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) serve_one(fd);
  }
}

void SshPeer::serve_one(int fd) {
  ++connections_;
  ssh_bind bind = ssh_bind_new();
  const bool no = false;
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
  ssh_key key = nullptr;
  char* text = nullptr;
  ssh_pki_export_privkey_base64(host_key_, nullptr, nullptr, nullptr, &text);
  ssh_pki_import_privkey_base64(text, nullptr, nullptr, nullptr, &key);
  ssh_string_free_char(text);
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key);
  ssh_session session = ssh_new();
  if (ssh_bind_accept_fd(bind, session, fd) == SSH_OK) {
    ssh_set_blocking(session, 0);  // its own waits never end when the client goes
    int exchanged = SSH_AGAIN;
    while ((exchanged = ssh_handle_key_exchange(session)) == SSH_AGAIN && ssh_get_fd(session) >= 0 &&
           await(fd)) {
    }
    if (exchanged == SSH_OK && authenticate(session)) {
      while (serve_channel(session)) {
      }
    }
    ssh_disconnect(session);
  }
  ssh_free(session);
  ssh_bind_free(bind);
}

ssh_message SshPeer::next_message(ssh_session session) const {
  for (;;) {
    ssh_message const message = ssh_message_get(session);
    if (message != nullptr) return message;
    const int fd = ssh_get_fd(session);
    if (fd < 0 || !ssh_is_connected(session) || !await(fd)) return nullptr;
  }
}

bool SshPeer::judge(ssh_session session, ssh_message message) {
  // The answers to questions no longer say whose they are.
  if (const char* const user = ssh_message_auth_user(message)) user_ = user;
  switch (ssh_message_subtype(message)) {
    case SSH_AUTH_METHOD_PASSWORD: {
      const std::string password = ssh_message_auth_password(message);
      note("password " + user_ + ' ' + password);
      return user_ == options_.user && password == options_.password;
    }
    case SSH_AUTH_METHOD_INTERACTIVE: {
      if (!ssh_message_auth_kbdint_is_response(message)) {
        std::vector<const char*> questions;
        std::vector<char> echo(options_.questions.size(), 0);
        for (const std::string& question : options_.questions) questions.push_back(question.c_str());
        ssh_message_auth_interactive_request(message, "", "", static_cast<unsigned>(questions.size()),
                                             questions.data(), echo.data());
        return false;
      }
      const char* const answer = ssh_userauth_kbdint_getanswer(session, 0);
      note("interactive " + user_ + ' ' + (answer == nullptr ? "" : answer));
      return user_ == options_.user && answer != nullptr && options_.password == answer;
    }
    default:
      return false;
  }
}

bool SshPeer::authenticate(ssh_session session) {
  if (options_.silent == Silent::in_authentication) {
    hang();
    return false;
  }
  for (;;) {
    ssh_message message = next_message(session);
    if (message == nullptr) return false;
    bool accepted = false, asked = false, rejected = false;
    if (ssh_message_type(message) == SSH_REQUEST_AUTH) {
      const int method = ssh_message_subtype(message);
      accepted = judge(session, message);
      asked =
          !accepted && method == SSH_AUTH_METHOD_INTERACTIVE && !ssh_message_auth_kbdint_is_response(message);
      rejected = !accepted && !asked && method != SSH_AUTH_METHOD_NONE;
    }
    if (accepted) ssh_message_auth_reply_success(message, 0);
    if (!accepted && !asked && !(rejected && options_.hang_up_after_rejection)) {
      ssh_message_auth_set_methods(message, options_.methods);
      ssh_message_reply_default(message);
    }
    ssh_message_free(message);
    if (accepted) return true;
    if (rejected && options_.hang_up_after_rejection) return false;
  }
}

bool SshPeer::serve_channel(ssh_session session) {
  if (options_.silent == Silent::in_channel) {
    hang();
    return false;
  }
  ssh_channel channel = nullptr;
  bool ready = false;
  std::string command;
  while (!ready) {
    ssh_message message = next_message(session);
    if (message == nullptr) return false;
    if (ssh_message_type(message) == SSH_REQUEST_CHANNEL_OPEN) {
      channel = ssh_message_channel_request_open_reply_accept(message);
    } else if (ssh_message_type(message) == SSH_REQUEST_CHANNEL) {
      const int what = ssh_message_subtype(message);
      ready = what == SSH_CHANNEL_REQUEST_SHELL || what == SSH_CHANNEL_REQUEST_EXEC;
      if (what == SSH_CHANNEL_REQUEST_EXEC) command = ssh_message_channel_request_command(message);
      ssh_message_channel_request_reply_success(message);
    } else {
      ssh_message_reply_default(message);
    }
    ssh_message_free(message);
  }
  if (channel == nullptr) return false;
  if (!command.empty()) return run(session, channel, command);
  shell(session, channel);
  return false;
}

namespace {

void hear(ssh_session, ssh_channel, const char* signal, void* heard) {
  static_cast<std::string*>(heard)->assign(signal);
}

}  // namespace

// One command, to its end; "endless" ends by a signal, whose name it says.
bool SshPeer::run(ssh_session session, ssh_channel channel, const std::string& command) {
  const auto say = [&](const std::string& text) {
    ssh_channel_write(channel, text.data(), static_cast<std::uint32_t>(text.size()));
  };
  if (command == "endless") {
    std::string signal;
    ssh_channel_callbacks_struct callbacks{};
    callbacks.userdata = &signal;
    callbacks.channel_signal_function = hear;
    ssh_callbacks_init(&callbacks);
    ssh_set_channel_callbacks(channel, &callbacks);
    say("begun\n");
    while (signal.empty()) {
      char octet = 0;
      ssh_channel_read_nonblocking(channel, &octet, 1, 0);
      if (ssh_get_fd(session) < 0 || !ssh_channel_is_open(channel)) return false;
      if (signal.empty() && !await(ssh_get_fd(session))) return false;
    }
    ssh_remove_channel_callbacks(channel, &callbacks);
    say(signal + '\n');
  } else {
    say("you ran " + command + '\n');
  }
  ssh_channel_request_send_exit_status(channel, 0);
  ssh_channel_close(channel);
  return true;
}

void SshPeer::shell(ssh_session session, ssh_channel channel) {
  const auto say = [&](const std::string& text) {
    ssh_channel_write(channel, text.data(), static_cast<std::uint32_t>(text.size()));
  };
  if (options_.silent != Silent::before_prompt) say(options_.prompt);
  std::string line;
  for (;;) {
    char octets[256];
    const int count = ssh_channel_read_nonblocking(channel, octets, sizeof octets, 0);
    if (count == 0 && ssh_get_fd(session) >= 0 && !ssh_channel_is_eof(channel)) {
      if (!await(ssh_get_fd(session))) return;
      continue;
    }
    if (count <= 0 || ssh_channel_is_eof(channel) || ssh_channel_is_closed(channel)) return;
    if (options_.silent == Silent::before_prompt) continue;
    for (int i = 0; i < count; ++i) {
      if (octets[i] != '\n') {
        line += octets[i];
        continue;
      }
      say(line + "\r\n");
      if (line == "exit" && !options_.stays_connected) return;
      if (line == "exit") {
        ssh_channel_request_send_exit_status(channel, 0);
        ssh_channel_send_eof(channel);
        ssh_channel_close(channel);
        said_goodbye_ = true;
        return hang();
      }
      if (line != "silence") say((line.empty() ? "" : "you said " + line + "\r\n") + options_.prompt);
      line.clear();
    }
  }
}

}  // namespace linewatch::connection::test
