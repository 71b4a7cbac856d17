#include "aggregator/record_text.hpp"

#include <cstdint>

namespace linewatch::aggregator {
namespace {

// Seven bits an octet, the lowest first, the highest bit set where more follow.
void put(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

void put(std::string& out, std::string_view text) {
  put(out, text.size());
  out += text;
}

class Octets {
 public:
  explicit Octets(std::string_view octets) : left_(octets) {}

  std::optional<std::uint64_t> number() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto octet = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      out |= static_cast<std::uint64_t>(octet & 0x7F) << shift;
      if ((octet & 0x80) == 0) return out;
    }
    return std::nullopt;
  }
  std::optional<std::string> text() {
    const auto size = number();
    if (!size || *size > left_.size()) return std::nullopt;
    std::string out(left_.substr(0, *size));
    left_.remove_prefix(*size);
    return out;
  }
  std::size_t left() const { return left_.size(); }

 private:
  std::string_view left_;
};

}  // namespace

std::string encode(const Record& record) {
  std::string out;
  out.reserve(64 + 32 * record.items.size());
  put(out, record.host);
  put(out, static_cast<std::uint64_t>(record.clock));
  put(out, static_cast<std::uint64_t>(record.ns));
  put(out, record.items.size());
  for (const Item& item : record.items) {
    put(out, item.key);
    put(out, item.text);
  }
  return out;
}

std::optional<Record> decode(std::string_view octets) {
  Octets in(octets);
  Record record;
  auto host = in.text();
  const auto clock = in.number();
  const auto ns = in.number();
  const auto items = in.number();
  // Each item takes two octets at least: no count can ask for more memory than the octets had.
  if (!host || !clock || !ns || *ns > 999'999'999 || *clock > INT64_MAX || !items || *items > in.left() / 2)
    return std::nullopt;
  record.host = *std::move(host);
  record.clock = static_cast<std::int64_t>(*clock);
  record.ns = static_cast<std::int32_t>(*ns);
  record.items.reserve(*items);
  for (std::uint64_t i = 0; i < *items; ++i) {
    auto key = in.text();
    auto text = in.text();
    if (!key || !text) return std::nullopt;
    record.items.push_back({*std::move(key), *std::move(text)});
  }
  if (in.left() != 0) return std::nullopt;
  return record;
}

}  // namespace linewatch::aggregator
