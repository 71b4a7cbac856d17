#include "scheduler/task/traceroute.hpp"

#include "aggregator/text.hpp"
#include "config/duration.hpp"
#include "scheduler/task/ping_answer.hpp"

namespace linewatch::scheduler {

connection::OutputWatcher::Advice TraceWatcher::look(std::string_view output, connection::TimePoint now) {
  if (end_ == connection::TimePoint{}) end_ = now + trace_limit;
  if (now >= end_ || output.size() > longest_trace) return {.interrupt = true};
  return {.look_again = end_};
}

std::string trace_text(std::string_view answer, bool interrupted) {
  std::string storage;
  std::string_view text = plain_lines(answer, storage);
  const std::size_t first = text.find_first_not_of("\n");
  const std::size_t last = text.find_last_not_of(" \t\n");
  text = first == std::string_view::npos || last == std::string_view::npos
             ? std::string_view()
             : text.substr(first, last + 1 - first);
  const std::string_view ending = text.size() > longest_trace ? "\n(cut here)"
                                  : interrupted               ? "\n(ended by the agent)"
                                                              : "";
  return aggregator::valid_text(text, longest_trace - ending.size()) + std::string(ending);
}

}  // namespace linewatch::scheduler
