#include "scheduler/worker_statistics.hpp"

namespace linewatch::scheduler {

std::string_view to_string(SkipReason reason) {
  switch (reason) {
    case SkipReason::paused:
      return "paused";
    case SkipReason::warm_up:
      return "warm_up";
    case SkipReason::overload:
      return "overload";
    case SkipReason::still_running:
      return "still_running";
    case SkipReason::suspended:
      return "suspended";
    case SkipReason::restart:
      return "restart";
  }
  return "restart";
}

}  // namespace linewatch::scheduler
