#include "aggregator/record.hpp"

#include <utility>

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

// Of what put() wrote: no end is looked for.
std::string_view take(const char*& at) {
  std::size_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto octet = static_cast<unsigned char>(*at++);
    size |= static_cast<std::size_t>(octet & 0x7F) << shift;
    if ((octet & 0x80) == 0) break;
  }
  return {std::exchange(at, at + size), size};
}

// Of what may be anything.
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
  std::optional<std::string_view> text() {
    const auto size = number();
    if (!size || *size > left_.size()) return std::nullopt;
    const std::string_view out = left_.substr(0, *size);
    left_.remove_prefix(*size);
    return out;
  }
  std::string_view left() const { return left_; }

 private:
  std::string_view left_;
};

}  // namespace

Item Items::Iterator::operator*() const {
  const char* at = at_;
  const std::string_view key = take(at);
  return {key, take(at)};
}

Items::Iterator& Items::Iterator::operator++() {
  take(at_);
  take(at_);
  return *this;
}

Items::Items(std::initializer_list<Item> items) {
  for (const Item& item : items) add(item.key, item.text);
}

void Items::add(std::string_view key, std::string_view rest_of_key, std::string_view text) {
  put(octets_, key.size() + rest_of_key.size());
  octets_ += key;
  octets_ += rest_of_key;
  put(octets_, text);
  ++size_;
}

std::optional<Items> Items::from(std::string_view octets, std::uint64_t size) {
  Octets in(octets);
  for (std::uint64_t i = 0; i < size; ++i) {
    if (!in.text() || !in.text()) return std::nullopt;
  }
  if (!in.left().empty()) return std::nullopt;
  Items items;
  items.octets_ = octets;
  items.size_ = size;
  return items;
}

std::int64_t turn_until(const Record& record) {
  return record.clock * 1000 + (record.ns + 999'999) / 1'000'000;
}

std::string encode(const Record& record) {
  std::string out;
  out.reserve(record.host.size() + record.items.octets().size() + 20);
  put(out, record.host);
  put(out, static_cast<std::uint64_t>(record.clock));
  put(out, static_cast<std::uint64_t>(record.ns));
  put(out, record.items.size());
  return out += record.items.octets();
}

std::optional<Record> decode(std::string_view octets) {
  Octets in(octets);
  const auto host = in.text();
  const auto clock = in.number();
  const auto ns = in.number();
  const auto size = in.number();
  if (!host || !clock || !ns || *ns > 999'999'999 || *clock > INT64_MAX || !size) return std::nullopt;
  auto items = Items::from(in.left(), *size);
  if (!items) return std::nullopt;
  Record record;
  record.host = *host;
  record.clock = static_cast<std::int64_t>(*clock);
  record.ns = static_cast<std::int32_t>(*ns);
  record.items = *std::move(items);
  return record;
}

}  // namespace linewatch::aggregator
