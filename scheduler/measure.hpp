#pragma once
// One turn of one line: borrow a session, type the ping, read the answer, and say what came of it. Whatever
// goes wrong becomes a result with its cause; no figure is invented. Runs on the router's loop.

#include <chrono>
#include <string>

#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/pool/pool.hpp"
#include "connection/resolver.hpp"

namespace linewatch::scheduler {

struct Measurement {
  aggregator::LineResult result;
  bool reused = false;     // the session had been used before
  bool held_back = false;  // no failure: the login still waited for its turn among all logins of the agent
  connection::Clock::duration held{};  // how long sessions were borrowed for it
  std::string command;                 // as typed; empty if it never came to that
};

// `due`: when the turn was due, for results of pings that were never typed. `longest_wait`: for a session,
// besides the pool's own limit. `confirmations`: so often a line that is down is asked again before that is
// the result, at once and on the same session, then line.confirm.after later each time; the last answer
// counts. All references outlive the call.
connection::Awaitable<Measurement> measure(
    connection::Context ctx, const config::Line& line, const config::Router& router, connection::Pool& pool,
    connection::Resolver& resolver, std::chrono::system_clock::time_point due,
    connection::Clock::duration longest_wait = connection::Clock::duration::max(), int confirmations = 0);

// The target as it is to be typed: written so, or resolved by the agent where the line asks for that.
connection::Awaitable<connection::Result<std::string>> target_address(connection::Context ctx,
                                                                      const config::Line& line,
                                                                      connection::Resolver& resolver);

// The line state that a failure of the session or the pool means (README, "line.status").
aggregator::LineState state_of(const connection::Error& error);

}  // namespace linewatch::scheduler
