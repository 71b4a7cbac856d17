#include "scheduler/line_traces.hpp"

#include <utility>

namespace linewatch::scheduler {

using aggregator::LineState;
using connection::TimePoint;

void LineTraces::measured(const config::Line& line, LineState state, TimePoint now) {
  if (!line.trace.on_loss) return;
  const bool bad = state == LineState::down || state == LineState::line_error;
  Known& known = known_[line.id];
  known.at_most_every = line.trace.at_most_every;
  if (state == LineState::up) {
    known.up = true;
    std::erase(waiting_, line.id);
  } else if (bad && std::exchange(known.up, false)) {
    if (now < known.not_before) {
      ++suppressed_;
    } else {
      waiting_.push_back(line.id);
    }
  }
}

std::optional<std::string> LineTraces::begin(TimePoint now) {
  if (running_ || waiting_.empty()) return std::nullopt;
  std::string line = std::move(waiting_.front());
  waiting_.pop_front();
  Known& known = known_[line];
  known.not_before = now + known.at_most_every;
  running_ = true;
  return line;
}

void LineTraces::forget_unless(const std::function<bool(const std::string&)>& is_there) {
  std::erase_if(known_, [&](const auto& known) { return !is_there(known.first); });
  std::erase_if(waiting_, [&](const std::string& line) { return !is_there(line); });
}

}  // namespace linewatch::scheduler
