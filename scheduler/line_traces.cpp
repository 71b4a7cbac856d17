#include "scheduler/line_traces.hpp"

#include <utility>

namespace linewatch::scheduler {

using aggregator::LineState;
using connection::TimePoint;

void LineTraces::measured(const config::Line& line, LineState state, TimePoint now) {
  if (!line.trace.on_loss) return;
  const bool bad = state == LineState::down || state == LineState::line_error;
  Known& known = known_[&line];
  if (state == LineState::up) {
    known.up = true;
    std::erase(waiting_, &line);
  } else if (bad && std::exchange(known.up, false)) {
    if (now < known.not_before) {
      ++suppressed_;
    } else {
      waiting_.push_back(&line);
    }
  }
}

const config::Line* LineTraces::begin(TimePoint now) {
  if (running_ || waiting_.empty()) return nullptr;
  const config::Line* line = waiting_.front();
  waiting_.pop_front();
  known_[line].not_before = now + line->trace.at_most_every;
  running_ = true;
  return line;
}

}  // namespace linewatch::scheduler
