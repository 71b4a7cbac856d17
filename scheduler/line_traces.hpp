#pragma once
// Which lines of one router are to be traced: those that just turned bad and ask for it, each at most once in
// its time, one at a time. Pure: no clock, no timer. Owned by the router's tasks.

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"

namespace linewatch::scheduler {

class LineTraces {
 public:
  // After each result of a line. It turns bad when it was up and now is down or answers with an error; the
  // states that say nothing of the line itself (its router's or the agent's errors) change nothing. A line
  // that is up again needs no trace any more. `line` outlives the object.
  void measured(const config::Line& line, aggregator::LineState state, connection::TimePoint now);

  // The line whose trace begins now; null while one runs, or if no line waits.
  const config::Line* begin(connection::TimePoint now);
  void ended() { running_ = false; }

  std::uint64_t suppressed() const { return suppressed_; }  // not traced since the last one was too near

 private:
  struct Known {
    bool up = false;
    connection::TimePoint not_before{};
  };
  std::unordered_map<const config::Line*, Known> known_;  // only those that ask for traces
  std::deque<const config::Line*> waiting_;               // each at most once
  bool running_ = false;
  std::uint64_t suppressed_ = 0;
};

}  // namespace linewatch::scheduler
