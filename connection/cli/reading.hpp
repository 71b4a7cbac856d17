#pragma once
// The state of one reading to the prompt, for the driver's two source files. Lives in the coroutine that
// reads.

#include <optional>
#include <string>
#include <string_view>

#include "connection/cli/driver.hpp"

namespace linewatch::connection {

struct Driver::Reading {
  std::string_view echo;  // what was typed; empty: no echo is awaited
  OutputWatcher* watcher = nullptr;
  std::size_t limit = 1024 * 1024;                   // octets kept; more is an error ...
  bool endless = false;                              // ... or, while recovering, forgotten
  Clock::duration silence = Clock::duration::max();  // longer is an error
  bool questions = false;                            // the profile's questions may come up
  std::string_view timed_out;                        // for the error: "no prompt ..."

  TimePoint last{}, quiet_at = TimePoint::max(), look_at = TimePoint::max();
  std::optional<std::size_t> echo_end;
  std::size_t end = std::string::npos;  // where the answer ends and the prompt begins
  std::string suspect;                  // a line that may be the prompt: an empty line was sent to find out
  bool knocked = false, interrupted = false;

  TimePoint silent_until() const {
    return silence == Clock::duration::max() ? TimePoint::max() : last + silence;
  }
};

}  // namespace linewatch::connection
