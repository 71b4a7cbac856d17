#pragma once
// One run's values for Zabbix, all on one host and with one clock and ns: the unit that is kept, sent or
// dropped. Plain values. A hundred thousand of them may wait in memory, and each goes to disk: so its values
// lie in one piece, as octets that are the same in both places.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace linewatch::aggregator {

// Whose a record is: config::stable_hash of the line's id. Two lines of one key would only share the place
// of the oldest record to be dropped, and of the last turn.
using LineKey = std::uint64_t;
inline constexpr LineKey no_line = 0;  // the router's or the agent's own

struct Item {
  std::string_view key, text;
};

// The values, in the order to be sent. What it gives out is good until the next is added.
class Items {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    Iterator() = default;
    Item operator*() const;
    Iterator& operator++();
    Iterator operator++(int) { return std::exchange(*this, ++Iterator(*this)); }
    bool operator==(const Iterator&) const = default;

   private:
    friend class Items;
    explicit Iterator(const char* at) : at_(at) {}
    const char* at_ = nullptr;
  };

  Items() = default;
  Items(std::initializer_list<Item> items);

  // The key may come in two parts: an item's name, and its line in brackets.
  void add(std::string_view key, std::string_view text) { add(key, {}, text); }
  void add(std::string_view key, std::string_view rest_of_key, std::string_view text);
  void reserve(std::size_t octets) { octets_.reserve(octets); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Iterator begin() const { return Iterator(octets_.data()); }
  Iterator end() const { return Iterator(octets_.data() + octets_.size()); }
  Item operator[](std::size_t item) const { return *std::next(begin(), static_cast<std::ptrdiff_t>(item)); }

  const std::string& octets() const { return octets_; }
  // Nothing if these are not the octets of just so many items.
  static std::optional<Items> from(std::string_view octets, std::uint64_t size);

 private:
  std::string octets_;  // of each: the key's length, the key, the text's length, the text
  std::size_t size_ = 0;
};

struct Record {
  std::string host;
  LineKey line = no_line;
  bool turn = false;       // what a turn of that line came to
  std::int64_t clock = 0;  // Unix seconds, not negative
  std::int32_t ns = 0;     // 0..999999999
  Items items;
  // Held back until then: Zabbix makes the items only now. The epoch: not held.
  std::chrono::system_clock::time_point not_before{};
};

// When that turn was: Unix milliseconds, rounded up so as not to be before it was due.
std::int64_t turn_until(const Record& record);

// A record for the disk: host, clock, ns and items. Neither its line nor until when it is held.
std::string encode(const Record& record);
// Nothing if the octets are not just one record.
std::optional<Record> decode(std::string_view octets);

}  // namespace linewatch::aggregator
