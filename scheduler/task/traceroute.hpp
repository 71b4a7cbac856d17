#pragma once
// The traceroute task: one traceroute from a line's router to its target, kept as text. Bounded in time and
// text whatever the platform's command does.

#include <string>
#include <string_view>

#include "config/duration.hpp"
#include "connection/session.hpp"

namespace linewatch::scheduler {

inline constexpr std::size_t longest_trace = 64UL * 1024;  // octets; what comes after is cut
inline constexpr config::Duration trace_limit = std::chrono::minutes(1);

// Ends a traceroute that runs or prints for too long, with the platform's interrupt. One object per run.
class TraceWatcher : public connection::OutputWatcher {
 public:
  Advice look(std::string_view output, connection::TimePoint now) override;

 private:
  connection::TimePoint end_{};  // set when first asked
};

// The answer as it is kept: no blank lines around it, cut, and said so if it was cut or ended.
std::string trace_text(std::string_view answer, bool interrupted);

}  // namespace linewatch::scheduler
