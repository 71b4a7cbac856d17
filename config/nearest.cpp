#include "config/nearest.hpp"

#include <algorithm>
#include <vector>

namespace linewatch::config {

namespace {

char folded(char c) {
  if (c == '-') return '_';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Is `name` one of the words of `candidate`, as "ios" is of "cisco_ios"?
bool is_word_of(std::string_view name, std::string_view candidate) {
  while (!candidate.empty()) {
    const std::string_view word = candidate.substr(0, candidate.find_first_of("_-"));
    if (std::ranges::equal(word, name, {}, folded, folded)) return true;
    candidate.remove_prefix(std::min(candidate.size(), word.size() + 1));
  }
  return false;
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit) {
  const std::size_t difference =
      left.size() > right.size() ? left.size() - right.size() : right.size() - left.size();
  if (difference > limit) return limit + 1;
  std::vector<std::size_t> before(right.size() + 1), last(right.size() + 1), row(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    row[0] = i;
    std::size_t best = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const char a = folded(left[i - 1]), b = folded(right[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a == b ? 0 : 1)});
      if (i > 1 && j > 1 && a == folded(right[j - 2]) && folded(left[i - 2]) == b) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
      best = std::min(best, row[j]);
    }
    if (best > limit) return limit + 1;
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[right.size()], limit + 1);
}

std::optional<std::string_view> nearest(std::string_view name, std::span<const std::string_view> known) {
  if (name.empty() || name.size() > 256) return std::nullopt;
  std::size_t limit = std::clamp<std::size_t>(name.size() / 3, 1, 3);
  std::optional<std::string_view> best;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate, limit);
    if (distance > limit || distance >= candidate.size()) continue;
    best = candidate;
    if (distance == 0) break;
    limit = distance - 1;
  }
  if (best && name.size() > 4) return best;  // in fewer letters, one slip makes another word
  const auto whole = std::ranges::find_if(known, [&](auto candidate) { return is_word_of(name, candidate); });
  return whole != known.end() ? std::optional(*whole) : best;
}

}  // namespace linewatch::config
