#pragma once
// Failures of the world are values: a code to decide by, the phase it happened in, and one sentence for the
// operator.

#include <expected>
#include <string>
#include <string_view>

namespace linewatch::connection {

enum class ErrorCode {
  cancelled,         // the caller's stop
  deadline,          // the caller's or the step's time limit
  unreachable,       // no TCP connection: refused, no route, timed out
  resolve,           // the router's name could not be resolved
  host_key,          // unknown, changed or revoked host key
  authentication,    // what was offered as a proof was rejected
  no_way_in,         // nothing was rejected, but nothing that the credential has leads in, or to the rights
  session_limit,     // the router said it has no free line
  protocol,          // SSH or the CLI broke the rules
  closed,            // the router closed the session
  no_prompt,         // logged in, but no prompt ever came
  output_limit,      // more output than Command::output_limit
  too_many_waiters,  // the pool's max_waiters
  acquire_timeout,   // no session came free in time
  held_back,         // the login waits for its turn among all logins of the agent (connection.total)
  shutting_down,     // the pool is draining
  not_supported,     // configured, but this version cannot do it
  internal,          // a bug; please report
};

// May another credential succeed where this one did not?
constexpr bool of_the_credential(ErrorCode code) {
  return code == ErrorCode::authentication || code == ErrorCode::no_way_in;
}

enum class Phase {
  waiting,
  resolve,
  tcp_connect,
  key_exchange,
  host_key,
  authentication,
  channel,
  prompt,
  setup,
  write,
  read,
  check,
  recover,
  close,
};

std::string_view to_string(ErrorCode code);  // snake_case, as above
std::string_view to_string(Phase phase);     // words: "TCP connect", "key exchange", ...

struct Error {
  ErrorCode code = ErrorCode::internal;
  Phase phase = Phase::waiting;
  std::string text;  // one sentence, lower case, no full stop, no secret: what, where, why
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, Phase phase, std::string text) {
  return std::unexpected<Error>(Error{code, phase, std::move(text)});
}

}  // namespace linewatch::connection
