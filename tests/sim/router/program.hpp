#pragma once
// A command that takes its time. Pure: it says what is printed when, counted from its own start, and never
// looks at a clock; the shell plays it in real time and a test reads it at once.

#include <optional>
#include <string>

#include "tests/sim/router/config.hpp"

namespace linewatch::sim {

struct Step {
  Micros at{0};      // since the program's start; never earlier than the step before
  std::string text;  // lines end in \n; the terminal makes CR LF of it
};

// What a ping did so far, for those who check what an agent really caused.
struct PingCounts {
  std::string target;
  int sent = 0;
  int received = 0;
};

class Program {
 public:
  virtual ~Program() = default;
  virtual std::optional<Step> next() = 0;        // nothing: it ended
  virtual std::string interrupt(Micros at) = 0;  // Ctrl-C: what it still prints; it has ended then
  virtual std::optional<PingCounts> counts(Micros) const { return std::nullopt; }  // as of that time
  virtual int exit_status() const { return 0; }
};

}  // namespace linewatch::sim
