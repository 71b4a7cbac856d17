#pragma once
// Turns a line's result into Zabbix values (docs/zabbix-items.md). Owned by the aggregator; remembers per
// line only what line.error last said, since that item is sent on change and hourly.

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "aggregator/record.hpp"
#include "aggregator/result.hpp"
#include "aggregator/task_result.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"

namespace linewatch::aggregator {

// Decides when line.error is due. Bounded: beyond `max_lines` it forgets everything, and each line says its
// text once more than needed.
class ErrorMemory {
 public:
  static constexpr std::chrono::hours repeat{1};

  explicit ErrorMemory(std::size_t max_lines) : max_lines_(max_lines) {}
  bool due(LineKey line, const std::string& text, connection::TimePoint now);  // true: send it now
  void forget(LineKey line) { said_.erase(line); }
  std::size_t size() const { return said_.size(); }

 private:
  struct Said {
    std::size_t hash = 0;  // of the text, which may be long
    connection::TimePoint at;
  };
  std::size_t max_lines_;
  std::unordered_map<LineKey, Said> said_;
};

// The word that hosts made for dedicatedLineErrorDetail know for why a line is not up (`words: ddl`); empty
// for one that is up, or gone.
std::string_view ddl_word(const LineResult& result);

// Loss as a whole number that neither hides loss nor invents an outage: up, but 100 only for all lost.
double whole_loss(double percent);

// No values yet, but a host and a time: the clock is not before 1970.
Record record_at(std::string_view host, std::chrono::system_clock::time_point clock);

class ItemMapper {
 public:
  using Keys = std::map<std::string, config::KeyMapping>;  // zabbix.keys

  explicit ItemMapper(config::Layout layout, Keys keys = {}, std::size_t max_lines = 100'000)
      : layout_(layout), keys_(std::move(keys)), errors_(max_lines) {}

  // The figures and line.error stand before line.status, so that a trigger on the status sees them.
  Record map(const LineResult& result, connection::TimePoint now);
  // A task's values on their items; a line's have its id where line.status has it. Without values: nothing.
  Record map(const TaskResult& result) const;

 private:
  class Values;  // of one record
  const config::KeyMapping* other_key(std::string_view item) const;

  config::Layout layout_;
  Keys keys_;
  ErrorMemory errors_;
};

}  // namespace linewatch::aggregator
