#include "connection/error.hpp"

namespace linewatch::connection {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::deadline:
      return "deadline";
    case ErrorCode::unreachable:
      return "unreachable";
    case ErrorCode::resolve:
      return "resolve";
    case ErrorCode::host_key:
      return "host_key";
    case ErrorCode::authentication:
      return "authentication";
    case ErrorCode::no_way_in:
      return "no_way_in";
    case ErrorCode::session_limit:
      return "session_limit";
    case ErrorCode::protocol:
      return "protocol";
    case ErrorCode::closed:
      return "closed";
    case ErrorCode::no_prompt:
      return "no_prompt";
    case ErrorCode::output_limit:
      return "output_limit";
    case ErrorCode::too_many_waiters:
      return "too_many_waiters";
    case ErrorCode::held_back:
      return "held_back";
    case ErrorCode::acquire_timeout:
      return "acquire_timeout";
    case ErrorCode::shutting_down:
      return "shutting_down";
    case ErrorCode::not_supported:
      return "not_supported";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::waiting:
      return "waiting";
    case Phase::resolve:
      return "name resolution";
    case Phase::tcp_connect:
      return "TCP connect";
    case Phase::key_exchange:
      return "key exchange";
    case Phase::host_key:
      return "host key check";
    case Phase::authentication:
      return "authentication";
    case Phase::channel:
      return "channel";
    case Phase::prompt:
      return "prompt";
    case Phase::setup:
      return "session set-up";
    case Phase::write:
      return "write";
    case Phase::read:
      return "read";
    case Phase::check:
      return "health check";
    case Phase::recover:
      return "recovery";
    case Phase::close:
      return "close";
  }
  return "waiting";
}

}  // namespace linewatch::connection
