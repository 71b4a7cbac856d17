#pragma once
// Types the commands of one task on one borrowed session, in order, each to its prompt. On the router's loop.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "config/platform.hpp"
#include "connection/pool/pool.hpp"

namespace linewatch::scheduler {

struct Typing {
  std::vector<std::string> commands;
  config::Duration limit{};                      // all of them together, once a session is there
  std::size_t output_limit = 0;                  // octets of all answers; more is ErrorCode::output_limit
  connection::OutputWatcher* watcher = nullptr;  // looks at each answer; outlives the call
  connection::Clock::duration longest_wait{};    // for a session, besides the pool's own limit
  connection::Clock::duration* held = nullptr;   // gets how long sessions were borrowed
};

struct Typed {
  std::vector<std::string> answers;          // one for each command that was typed
  std::string rejected;                      // which command the router did not take, and its words; the last
                                             // one typed, since those behind it would mean something else
  std::chrono::system_clock::time_point at;  // wall time when the first was typed
  bool interrupted = false;                  // by the watcher
};

// `holder` names the borrower in status. A session that the router closed while it idled is replaced, unseen.
// The error is that of the pool or the session, or the deadline of `limit`. `platform` outlives the call.
connection::Awaitable<connection::Result<Typed>> type_in_order(connection::Context ctx, Typing typing,
                                                               const config::Platform& platform,
                                                               connection::Pool& pool, std::string holder);

}  // namespace linewatch::scheduler
