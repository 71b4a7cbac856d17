#pragma once
// One turn of one line: type the ping on a session, read the answer, and say what came of it. Whatever goes
// wrong becomes a result with its cause; no figure is invented. Runs on the router's loop. The whole of it is
// measure(); a worker, whose lines share sessions, does the same in its parts.

#include <string>

#include "scheduler/turn.hpp"

namespace linewatch::scheduler {

// Borrows a session, and confirms.
connection::Awaitable<Measurement> measure(connection::Context ctx, TaskTurn turn);

// A turn that has not come to anything yet: who it is of, and when it was due.
Measurement unmeasured(const TaskTurn& turn);
void fail_with(Measurement& measurement, const connection::Error& error);

// The target as it is to be typed: written so, or resolved by the agent where the line asks for that.
connection::Awaitable<connection::Result<std::string>> target_address(connection::Context ctx,
                                                                      const config::Line& line,
                                                                      connection::Resolver& resolver);
// False: it could not be resolved, or the platform cannot say what the line asks for, and that is the result.
bool can_be_typed(const TaskTurn& turn, const connection::Result<std::string>& address,
                  Measurement& measurement);

// One ping of turn.address on the session turn.on, which stays borrowed, and the confirmation that follows at
// once. False: the session was found closed, nothing was typed, and another one may do.
connection::Awaitable<bool> ping_on_session(connection::Context ctx, TaskTurn turn, Measurement& measurement);

// The confirmations that come later, each with a session of its own.
bool to_be_confirmed_later(const TaskTurn& turn, const Measurement& measurement);
connection::Awaitable<void> confirm_later(connection::Context ctx, TaskTurn turn, Measurement& measurement);

// A line that is down when the agent stops in the middle of its confirmation was perhaps not: that is what
// was to be found out.
void end_of_confirmation(const connection::Context& ctx, const TaskTurn& turn, Measurement& measurement);

// The line state that a failure of the session or the pool means (README, "line.status").
aggregator::LineState state_of(const connection::Error& error);

}  // namespace linewatch::scheduler
