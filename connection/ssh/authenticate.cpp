// The authentication half of the transport: public key, then the agent's keys, then password or questions
// that a password answers.

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "connection/ssh/transport.hpp"

namespace linewatch::connection {

namespace {

constexpr Phase phase = Phase::authentication;
constexpr int most_rounds = 4;  // of questions

std::string join(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) {
    if (!text.empty()) text += " and ";
    text += word;
  }
  return text;
}

bool counts_failures(std::string_view message) {
  return message.find("uthentication failures") != std::string_view::npos;
}

}  // namespace

// An SSH_AUTH_* outcome, or the error behind SSH_AUTH_ERROR.
Result<int> Transport::judge(int outcome) const {
  if (outcome != SSH_AUTH_ERROR) return outcome;
  auto failure = ssh_failure(phase);
  if (counts_failures(failure.error().text) || counts_failures(ssh_get_error(session_)))
    return SSH_AUTH_DENIED;
  return failure;
}

Awaitable<Result<void>> Transport::authenticate(Context ctx, config::Credential credential) {
  auto done = co_await try_credential(ctx, std::move(credential));
  settled_ = done.has_value();
  co_return done;
}

Awaitable<Result<void>> Transport::try_credential(Context ctx, config::Credential credential) {
  const std::string& user = credential.username;
  if (ssh_options_set(session_, SSH_OPTIONS_USER, user.c_str()) != 0)
    co_return error(ErrorCode::internal, phase, "the user name \"" + user + "\" is not usable");
  const ssh_session session = session_;
  // First of all "none": it brings the list of methods, and the server's EXT_INFO, without which RSA keys
  // fail.
  const Step none = [session] { return ssh_userauth_none(session, nullptr); };
  auto first = co_await drive(ctx, phase, none);
  if (!first) co_return std::unexpected<Error>(std::move(first.error()));
  auto outcome = judge(*first);
  if (!outcome) co_return std::unexpected<Error>(std::move(outcome.error()));
  if (*outcome == SSH_AUTH_SUCCESS) co_return Result<void>();

  std::vector<std::string_view> rejected;
  const auto offers = [session](int method) {
    const int methods = ssh_userauth_list(session, nullptr);
    return methods == 0 || (methods & method) != 0;  // a server that lists nothing is asked all the same
  };
  if (!credential.private_key.empty() && offers(SSH_AUTH_METHOD_PUBLICKEY)) {
    const config::Secret* const passphrase =
        credential.private_key_passphrase ? &*credential.private_key_passphrase : nullptr;
    const PrivateKey key = import_private_key(credential.private_key, passphrase);
    if (!key) {
      co_return error(ErrorCode::no_way_in, phase,
                      "the private key of credential " + credential.name + " cannot be read");
    }
    outcome = co_await try_key(ctx, key);
    if (outcome && *outcome == SSH_AUTH_DENIED && peer_.legacy_ssh &&
        ssh_key_type(key.get()) == SSH_KEYTYPE_RSA) {
      // Servers in between the ages announce SHA-2 signatures and accept only SHA-1.
      ssh_options_set(session, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, "ssh-rsa");
      outcome = co_await try_key(ctx, key);
    }
    if (!outcome) co_return std::unexpected<Error>(std::move(outcome.error()));
    if (*outcome == SSH_AUTH_SUCCESS) co_return Result<void>();
    if (*outcome != SSH_AUTH_PARTIAL) rejected.push_back("key");
  }
  std::optional<Error> no_agent;  // nothing was asked of the router: what stands beside it is tried
  if (credential.agent && offers(SSH_AUTH_METHOD_PUBLICKEY)) {
    auto by_agent = co_await try_agent(ctx);
    if (!by_agent && by_agent.error().code == ErrorCode::unreachable) {
      no_agent = std::move(by_agent.error());
    } else {
      outcome = std::move(by_agent);
      if (!outcome) co_return std::unexpected<Error>(std::move(outcome.error()));
      if (*outcome == SSH_AUTH_SUCCESS) co_return Result<void>();
      if (*outcome != SSH_AUTH_PARTIAL) rejected.push_back("agent's keys");
    }
  }
  if (credential.password) {
    // A rejected password is not tried again as an answer: every try counts against the account.
    const bool by_password = offers(SSH_AUTH_METHOD_PASSWORD),
               by_questions = offers(SSH_AUTH_METHOD_INTERACTIVE);
    if (by_password) {
      outcome = co_await try_password(ctx, *credential.password);
    } else if (by_questions) {
      outcome = co_await try_questions(ctx, *credential.password);
    }
    if (!outcome && outcome.error().code == ErrorCode::closed) {
      // Some hang up instead of saying no. Taken for anything else, it would be tried again until the account
      // is locked.
      co_return error(ErrorCode::authentication, phase,
                      "the router closed the connection when it was given the password of " + user);
    }
    if (!outcome) co_return std::unexpected<Error>(std::move(outcome.error()));
    if (*outcome == SSH_AUTH_SUCCESS) co_return Result<void>();
    if (by_password || by_questions) rejected.push_back("password");
  }
  if (*outcome == SSH_AUTH_PARTIAL)
    co_return error(ErrorCode::no_way_in, phase, "the router wants a further proof of " + user);
  if (!rejected.empty()) {
    std::string text = "the router rejected the " + join(rejected) + " of " + user;
    if (no_agent) text += "; " + no_agent->text.substr(peer_.label().size() + 2);
    co_return error(ErrorCode::authentication, phase, text);
  }
  if (no_agent) co_return std::unexpected<Error>(std::move(*no_agent));
  co_return error(ErrorCode::no_way_in, phase,
                  "the router offers no way to log in that credential " + credential.name + " has");
}

Awaitable<Result<int>> Transport::try_key(Context ctx, PrivateKey key) {
  const ssh_session session = session_;
  const ssh_key raw = key.get();
  const Step step = [session, raw] { return ssh_userauth_publickey(session, nullptr, raw); };
  auto outcome = co_await drive(ctx, phase, step);
  if (!outcome) co_return outcome;
  co_return judge(*outcome);
}

Awaitable<Result<int>> Transport::try_password(Context ctx, const config::Secret& password) {
  const ssh_session session = session_;
  const char* const text = password.reveal().c_str();
  const Step step = [session, text] { return ssh_userauth_password(session, nullptr, text); };
  auto outcome = co_await drive(ctx, phase, step);
  if (!outcome) co_return outcome;
  co_return judge(*outcome);
}

Awaitable<Result<int>> Transport::try_questions(Context ctx, const config::Secret& password) {
  const ssh_session session = session_;
  const Step step = [session] { return ssh_userauth_kbdint(session, nullptr, nullptr); };
  bool answered = false;
  for (int round = 0; round < most_rounds; ++round) {
    auto outcome = co_await drive(ctx, phase, step);
    if (!outcome) co_return outcome;
    if (*outcome != SSH_AUTH_INFO) co_return judge(*outcome);
    const int questions = ssh_userauth_kbdint_getnprompts(session);
    for (int i = 0; i < questions; ++i) {
      char echo = 0;
      ssh_userauth_kbdint_getprompt(session, static_cast<unsigned>(i), &echo);
      if (echo != 0 || answered) {  // another question than the one for the password, or that one again
        co_return answered
            ? judge(SSH_AUTH_DENIED)
            : Result<int>(error(ErrorCode::no_way_in, phase, "the router asks what no password answers"));
      }
      ssh_userauth_kbdint_setanswer(session, static_cast<unsigned>(i), password.reveal().c_str());
      answered = true;
    }
  }
  co_return judge(SSH_AUTH_DENIED);
}

}  // namespace linewatch::connection
