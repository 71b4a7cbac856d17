#include "scheduler/pauses.hpp"

#include <algorithm>

namespace linewatch::scheduler {

void Pauses::pause(PauseOf what, TimePoint until) {
  if (what) {
    lines_[*what] = until;
  } else {
    router_ = until;
  }
}

bool Pauses::resume(PauseOf what) {
  if (what) return lines_.erase(*what) > 0;
  const bool any = router_.has_value() || !lines_.empty();
  router_.reset();
  lines_.clear();
  return any;
}

void Pauses::forget_lines_unless(const std::function<bool(const std::string&)>& is_there) {
  std::erase_if(lines_, [&](const auto& paused) { return !is_there(paused.first); });
}

std::optional<TimePoint> Pauses::until(const std::string& line) const {
  const auto own = lines_.find(line);
  if (own == lines_.end()) return router_;
  return router_ ? std::max(*router_, own->second) : own->second;
}

TimePoint Pauses::next_end() const {
  TimePoint earliest = router_.value_or(TimePoint::max());
  for (const auto& [line, until] : lines_) earliest = std::min(earliest, until);
  return earliest;
}

std::vector<PauseOf> Pauses::end_due(TimePoint now) {
  std::vector<PauseOf> ended;
  if (router_ && *router_ <= now) {
    router_.reset();
    ended.push_back(std::nullopt);
  }
  std::erase_if(lines_, [&](const auto& paused) {
    if (paused.second > now) return false;
    ended.push_back(paused.first);
    return true;
  });
  return ended;
}

}  // namespace linewatch::scheduler
