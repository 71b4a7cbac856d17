#pragma once
// The pieces that reading a ping's answer is made of. Internal to scheduler/task; pure functions.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/result.hpp"
#include "config/platform.hpp"

namespace linewatch::scheduler {

// One match of a pattern: its groups by name.
class Match {
 public:
  // Searches from `from` on; false if there is no match. `text` outlives the match.
  bool find(const config::Pattern& pattern, std::string_view text, std::size_t from = 0);
  // The last match there is.
  bool find_last(const config::Pattern& pattern, std::string_view text);

  std::string_view whole() const { return groups_[0]; }
  std::string_view group(std::string_view name) const;  // empty if absent or not taken part
  std::size_t begin() const { return static_cast<std::size_t>(groups_[0].data() - text_.data()); }
  std::size_t end() const { return begin() + groups_[0].size(); }

 private:
  bool match(const config::Pattern& pattern, std::string_view text, std::size_t from, std::size_t to);
  bool match_line(const config::Pattern& pattern, std::string_view text, std::size_t at, std::size_t end,
                  std::size_t from);

  static constexpr int most_groups = 12;
  const config::Pattern* pattern_ = nullptr;
  std::string_view text_;
  re2::StringPiece groups_[most_groups];
};

// As text.rfind(literal), at the speed of memory: the library's looks at each octet. `literal` is not empty.
std::size_t find_last_text(std::string_view text, std::string_view literal);

std::optional<int> to_count(std::string_view digits);  // nothing beyond int
// Nothing if it is no number, or more than a billion. A unit within the figure ("396us", "3ms838us") wins
// over `unit`.
std::optional<double> to_milliseconds(std::string_view figure, std::string_view unit);

// The transcript as plain lines: no CR, NUL, escape sequences. Uses `storage` only where something must be
// changed.
std::string_view plain_lines(std::string_view transcript, std::string& storage);

// The first line that one of the patterns matches, fit to be shown.
std::optional<std::string> first_line(const std::vector<config::Pattern>& patterns, std::string_view text);

// A line of a router's output as it may stand in a message: trimmed, printable UTF-8, not too long.
std::string shown(std::string_view line);

// Loss and status from the counts; false and status error if they contradict each other.
bool judge_counts(aggregator::PingFigures& figures, bool duplicates_counted = false);

// Min, avg, max and stddev of the answered probes, to a thousandth of a millisecond.
void times_from_probes(aggregator::PingFigures& figures);

}  // namespace linewatch::scheduler
