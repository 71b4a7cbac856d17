#include "aggregator/sequences.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace linewatch::aggregator {

void Sequences::insert(Range range) {
  if (range.first >= range.last) return;
  auto next = ranges_.upper_bound(range.first);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second >= range.first) {
      range.first = before->first;
      range.last = std::max(range.last, before->second);
      next = ranges_.erase(before);
    }
  }
  while (next != ranges_.end() && next->first <= range.last) {
    range.last = std::max(range.last, next->second);
    next = ranges_.erase(next);
  }
  ranges_.emplace_hint(next, range.first, range.last);
}

void Sequences::erase(Range range) {
  if (range.first >= range.last) return;
  auto at = ranges_.upper_bound(range.first);
  if (at != ranges_.begin()) --at;
  while (at != ranges_.end() && at->first < range.last) {
    const Range old{at->first, at->second};
    if (old.last <= range.first) {
      ++at;
      continue;
    }
    at = ranges_.erase(at);
    if (old.first < range.first) ranges_.emplace_hint(at, old.first, range.first);
    if (old.last > range.last) at = ranges_.emplace_hint(at, range.last, old.last);
  }
}

bool Sequences::contains(Sequence one) const {
  const auto next = ranges_.upper_bound(one);
  return next != ranges_.begin() && std::prev(next)->second > one;
}

std::optional<Sequence> Sequences::first() const {
  return ranges_.empty() ? std::nullopt : std::optional(ranges_.begin()->first);
}

std::optional<Sequence> Sequences::last() const {
  return ranges_.empty() ? std::nullopt : std::optional(ranges_.rbegin()->second - 1);
}

std::optional<Sequence> Sequences::at_least(Sequence one) const {
  if (contains(one)) return one;
  const auto next = ranges_.upper_bound(one);
  return next == ranges_.end() ? std::nullopt : std::optional(next->first);
}

std::vector<Range> Sequences::ranges() const {
  std::vector<Range> out;
  out.reserve(ranges_.size());
  for (const auto& [first, last] : ranges_) out.push_back({first, last});
  return out;
}

std::vector<Range> Sequences::ranges_below(Sequence limit) const {
  std::vector<Range> out;
  for (const auto& [first, last] : ranges_) {
    if (first >= limit) break;
    out.push_back({first, std::min(last, limit)});
  }
  return out;
}

std::string Sequences::text(std::size_t most) const {
  std::vector<Range> kept = ranges();
  if (kept.size() > most) {
    std::vector<Sequence> gaps;
    for (std::size_t i = 1; i < kept.size(); ++i) gaps.push_back(kept[i].first - kept[i - 1].last);
    const auto nth = gaps.begin() + static_cast<std::ptrdiff_t>(kept.size() - most - 1);
    std::ranges::nth_element(gaps, nth);
    std::vector<Range> fewer;
    for (const Range& range : kept) {
      if (!fewer.empty() && range.first - fewer.back().last <= *nth)
        fewer.back().last = range.last;
      else
        fewer.push_back(range);
    }
    kept = std::move(fewer);
  }
  std::string out;
  for (const Range& range : kept) {
    if (!out.empty()) out += ',';
    out += std::to_string(range.first) + '-' + std::to_string(range.last - 1);
  }
  return out;
}

std::optional<Sequences> Sequences::parse(std::string_view text) {
  Sequences out;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    Range range;
    const auto first = std::from_chars(at, end, range.first);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
    const auto last = std::from_chars(first.ptr + 1, end, range.last);
    if (last.ec != std::errc{} || range.last < range.first || range.last == UINT64_MAX) return std::nullopt;
    ++range.last;
    out.insert(range);
    at = last.ptr;
    if (at == end) break;
    if (*at != ',' || ++at == end) return std::nullopt;
  }
  return out;
}

}  // namespace linewatch::aggregator
