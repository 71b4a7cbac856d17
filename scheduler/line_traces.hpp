#pragma once
// Which lines of one router are to be traced: those that just turned bad and ask for it, each at most once in
// its time, one at a time. Pure: no clock, no timer. Owned by the router's tasks.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
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
  // that is up again needs no trace any more.
  void measured(const config::Line& line, aggregator::LineState state, connection::TimePoint now);

  // The id of the line whose trace begins now; nothing while one runs, or if no line waits.
  std::optional<std::string> begin(connection::TimePoint now);
  void ended() { running_ = false; }

  // Lines that are there no more, or ask for no trace any more.
  void forget_unless(const std::function<bool(const std::string& line)>& is_there);

  std::uint64_t suppressed() const { return suppressed_; }  // not traced since the last one was too near

 private:
  struct Known {
    bool up = false;
    connection::TimePoint not_before{};
    config::Duration at_most_every{};
  };
  std::unordered_map<std::string, Known> known_;  // by id; only those that ask for traces
  std::deque<std::string> waiting_;               // each at most once
  bool running_ = false;
  std::uint64_t suppressed_ = 0;
};

}  // namespace linewatch::scheduler
