// What a client asks of a session: to be let in, channels, a terminal, a shell, a command.

#include "tests/sim/server/session.hpp"

// libssh would have servers answer from inside its callbacks; a router that takes its time to authenticate
// needs the message, which is answered later.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace linewatch::sim {
namespace {

constexpr std::size_t max_channels = 10;

int methods(const RouterConfig& config, bool keys) {
  int offered = 0;
  if (keys) offered |= SSH_AUTH_METHOD_PUBLICKEY;
  if (!config.password.empty()) offered |= SSH_AUTH_METHOD_PASSWORD;
  if (!config.password.empty() && config.keyboard_interactive) offered |= SSH_AUTH_METHOD_INTERACTIVE;
  return offered == 0 ? SSH_AUTH_METHOD_PASSWORD : offered;  // a router that lets nobody in still asks
}

const char* method_name(int subtype) {
  switch (subtype) {
    case SSH_AUTH_METHOD_PASSWORD:
      return "password";
    case SSH_AUTH_METHOD_PUBLICKEY:
      return "publickey";
    case SSH_AUTH_METHOD_INTERACTIVE:
      return "keyboard-interactive";
    case SSH_AUTH_METHOD_NONE:
      return "none";
    default:
      return "other";
  }
}

}  // namespace

void Session::on_message(SshMessage message, TimePoint now) {
  switch (ssh_message_type(message.get())) {
    case SSH_REQUEST_SERVICE:
      ssh_message_service_reply_success(message.get());
      if (!router_->config.banner.empty()) {
        ssh_string text = ssh_string_from_char(router_->config.banner.c_str());
        ssh_send_issue_banner(ssh_.get(), text);
        ssh_string_free(text);
      }
      return;
    case SSH_REQUEST_AUTH:
      return on_auth(std::move(message));
    case SSH_REQUEST_CHANNEL_OPEN:
      return on_open(std::move(message));
    case SSH_REQUEST_CHANNEL:
      return on_channel(std::move(message), now);
    default:
      ssh_message_reply_default(message.get());
  }
}

void Session::on_auth(SshMessage message) {
  if (faults_.silent == Faults::Silent::auth) return;
  const bool question = ssh_message_subtype(message.get()) == SSH_AUTH_METHOD_NONE;
  if (faults_.close_in == Faults::Close::auth && !question) {
    event("cut");
    drop();
    return;
  }
  if (question || router_->config.auth_delay.count() == 0) return decide_auth(std::move(message));
  held_auth_ = std::move(message);
  auth_due_ = std::chrono::steady_clock::now() + router_->config.auth_delay;
}

void Session::decide_auth(SshMessage message) {
  ssh_message const raw = message.get();
  const char* name = ssh_message_auth_user(raw);
  if (name != nullptr && *name != '\0') user_ = name;  // an answer to a question comes without the name
  const std::string user = user_;
  const int subtype = ssh_message_subtype(raw);
  ssh_message_auth_set_methods(raw, methods(router_->config, !router_->authorized_keys.empty()));
  bool fits = false;
  if (subtype == SSH_AUTH_METHOD_PASSWORD) {
    fits = password_fits(user, ssh_message_auth_password(raw));
  } else if (subtype == SSH_AUTH_METHOD_PUBLICKEY) {
    const auto state = ssh_message_auth_publickey_state(raw);
    const bool known = key_fits(user, ssh_message_auth_pubkey(raw));
    if (state == SSH_PUBLICKEY_STATE_NONE) {  // only asks whether this key would do
      if (known) {
        ssh_message_auth_reply_pk_ok_simple(raw);
      } else {
        ssh_message_reply_default(raw);
      }
      return;
    }
    fits = known && state == SSH_PUBLICKEY_STATE_VALID;
  } else if (subtype == SSH_AUTH_METHOD_INTERACTIVE && router_->config.keyboard_interactive) {
    if (ssh_message_auth_kbdint_is_response(raw) == 0) {
      const char* prompt = "Password: ";
      char echo = 0;
      ssh_message_auth_interactive_request(raw, "", "", 1, &prompt, &echo);
      return;
    }
    fits = ssh_userauth_kbdint_getnanswers(ssh_.get()) == 1 &&
           password_fits(user, ssh_userauth_kbdint_getanswer(ssh_.get(), 0));
  } else {
    ssh_message_reply_default(raw);
    return;
  }
  if (fits) return accept_auth(raw, user, method_name(subtype));
  refuse_auth(raw, user, method_name(subtype));
}

bool Session::password_fits(const std::string& user, const char* password) const {
  const auto& config = router_->config;
  return password != nullptr && !config.password.empty() && user == config.user &&
         config.password == password;
}

bool Session::key_fits(const std::string& user, ssh_key key) const {
  if (key == nullptr || user != router_->config.user) return false;
  for (const Key& known : router_->authorized_keys) {
    if (ssh_key_cmp(known.get(), key, SSH_KEY_CMP_PUBLIC) == 0) return true;
  }
  return false;
}

void Session::accept_auth(ssh_message message, const std::string& user, const char* method) {
  RouterCounts& counts = router_->counts;
  ++counts.logins;
  over_limit_ = router_->config.max_sessions > 0 && counts.sessions >= router_->config.max_sessions;
  if (over_limit_) {
    ++counts.limit_refusals;
  } else {
    counted_ = true;
    counts.sessions_max = std::max(counts.sessions_max, ++counts.sessions);
  }
  event("login", {{"user", user}, {"method", method}, {"sessions", counts.sessions}});
  if (over_limit_) event("limit");
  ssh_message_auth_reply_success(message, 0);
}

void Session::refuse_auth(ssh_message message, const std::string& user, const char* method) {
  ++router_->counts.auth_failures;
  event("auth_failed", {{"user", user}, {"method", method}});
  ssh_message_reply_default(message);
  if (++failures_ < router_->config.auth_tries) return;
  ssh_disconnect(ssh_.get());
  drop();
}

void Session::on_open(SshMessage message) {
  if (ssh_message_subtype(message.get()) != SSH_CHANNEL_SESSION || channels_.size() >= max_channels) {
    ssh_message_reply_default(message.get());
    return;
  }
  auto channel = std::make_unique<Channel>();
  channel->handle = ssh_message_channel_request_open_reply_accept(message.get());
  if (channel->handle == nullptr) return;
  ssh_callbacks_init(&channel->callbacks);
  channel->callbacks.userdata = channel.get();
  channel->callbacks.channel_data_function = &Session::on_data;
  ssh_set_channel_callbacks(channel->handle, &channel->callbacks);
  channels_.push_back(std::move(channel));
}

void Session::on_channel(SshMessage message, TimePoint now) {
  ssh_message const raw = message.get();
  ssh_channel const handle = ssh_message_channel_request_channel(raw);
  const auto found = std::ranges::find_if(channels_, [&](const auto& one) { return one->handle == handle; });
  const int subtype = ssh_message_subtype(raw);
  if (found == channels_.end()) {
    ssh_message_reply_default(raw);
    return;
  }
  Channel& channel = **found;
  if (subtype == SSH_CHANNEL_REQUEST_PTY) {
    const char* type = ssh_message_channel_request_pty_term(raw);
    channel.terminal = {true, type == nullptr ? "" : type};
    ssh_message_channel_request_reply_success(raw);
  } else if (subtype == SSH_CHANNEL_REQUEST_ENV || subtype == SSH_CHANNEL_REQUEST_WINDOW_CHANGE) {
    ssh_message_channel_request_reply_success(raw);
  } else if (subtype == SSH_CHANNEL_REQUEST_SHELL && !channel.shell) {
    ssh_message_channel_request_reply_success(raw);
    start_shell(channel, now);
  } else if (subtype == SSH_CHANNEL_REQUEST_EXEC && !channel.shell &&
             router_->config.exec != ExecMode::refuse) {
    const char* command = ssh_message_channel_request_command(raw);
    ssh_message_channel_request_reply_success(raw);
    start_exec(channel, command == nullptr ? "" : command, now);
  } else {
    ssh_message_reply_default(raw);
  }
}

void Session::start_shell(Channel& channel, TimePoint now) {
  event("shell");
  channel.shell =
      std::make_unique<Shell>(router_->config, router_->network, channel.terminal, faults_, *this);
  if (over_limit_) {
    channel.shell->refuse();
  } else {
    channel.shell->login(now);
  }
}

void Session::start_exec(Channel& channel, const std::string& command, TimePoint now) {
  event("exec", {{"text", command}});
  channel.exec = true;
  Faults faults = faults_;
  if (router_->config.exec == ExecMode::ignore) {  // takes the command and never says a word
    faults.silent = Faults::Silent::command;
    faults.commands.clear();
  }
  channel.shell = std::make_unique<Shell>(router_->config, router_->network, channel.terminal, faults, *this);
  if (over_limit_) {
    channel.shell->refuse();
  } else {
    channel.shell->execute(command, now);
  }
}

}  // namespace linewatch::sim
