#pragma once
// A set of record numbers as few ranges: what one destination still has to get. Plain value.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linewatch::aggregator {

using Sequence = std::uint64_t;  // a record's number: the order in which records came

struct Range {  // first <= number < last
  Sequence first = 0, last = 0;
  auto operator<=>(const Range&) const = default;
};

class Sequences {
 public:
  void insert(Range range);
  void insert(Sequence one) { insert({one, one + 1}); }
  void erase(Range range);
  void erase(Sequence one) { erase({one, one + 1}); }
  void clear() { ranges_.clear(); }

  bool empty() const { return ranges_.empty(); }
  bool contains(Sequence one) const;
  std::optional<Sequence> first() const;
  std::optional<Sequence> last() const;                  // the greatest in it
  std::optional<Sequence> at_least(Sequence one) const;  // the least that is not below it
  std::size_t count_ranges() const { return ranges_.size(); }
  std::vector<Range> ranges() const;
  std::vector<Range> ranges_below(Sequence limit) const;

  // "1-5,9-12", both ends in it; the text keeps at most `most` ranges: of more, the narrowest gaps count as
  // part of the set.
  std::string text(std::size_t most) const;
  static std::optional<Sequences> parse(std::string_view text);

  bool operator==(const Sequences&) const = default;

 private:
  std::map<Sequence, Sequence> ranges_;  // first to last, neither touching nor overlapping
};

}  // namespace linewatch::aggregator
