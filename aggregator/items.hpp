#pragma once
// Turns a line's result into Zabbix values (README, "Zabbix items"). Owned by the aggregator; remembers per
// line only what line.error last said, since that item is sent on change and hourly.

#include <chrono>
#include <cstddef>
#include <string>
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
  bool due(const std::string& line, const std::string& text, connection::TimePoint now);  // true: send it now
  void forget(const std::string& line) { said_.erase(line); }
  std::size_t size() const { return said_.size(); }

 private:
  struct Said {
    std::size_t hash = 0;  // of the text, which may be long
    connection::TimePoint at;
  };
  std::size_t max_lines_;
  std::unordered_map<std::string, Said> said_;
};

class ItemMapper {
 public:
  explicit ItemMapper(config::Layout layout, std::size_t max_lines = 100'000)
      : layout_(layout), errors_(max_lines) {}

  // The figures and line.error stand before line.status, so that a trigger on the status sees them.
  Record map(const LineResult& result, connection::TimePoint now);
  // A task's values on their items; a line's have its id where line.status has it. Without values: nothing.
  Record map(const TaskResult& result) const;

 private:
  std::string key(const char* name, const LineResult& result) const;

  config::Layout layout_;
  ErrorMemory errors_;
};

}  // namespace linewatch::aggregator
