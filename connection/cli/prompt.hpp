#pragma once
// The prompt of one session: found by the profile's shape at login, recognised by what was learned from then
// on. Only the open line at the very end of what came is ever looked at: '#', '>' and ']' occur in outputs.
// Owned by a driver.

#include <string>
#include <string_view>
#include <vector>

#include "config/platform.hpp"

namespace linewatch::connection {

class Prompt {
 public:
  // `shape` outlives the prompt.
  explicit Prompt(const config::Pattern& shape) : shape_(shape) {}

  // Could this open line be a prompt, by the profile?
  bool has_shape(std::string_view open_line) const;

  // `answer` is what a router said to an empty line: the end of that line, perhaps lines that belong to the
  // prompt
  // ("{master:0}", "[edit]"), the prompt.
  void learn(std::string_view answer);
  bool learned() const { return !line_.empty(); }
  const std::string& line() const { return line_; }

  // Is this open line the learned prompt? A mark or a time in front of it ("*", "[12:00:01]") and another
  // mode of the same router ("(config)#", "[HUAWEI-GE0/0/1]") do no harm.
  bool is(std::string_view open_line) const;

  // Does a line begin with the learned prompt, at or after `from`? Where, or npos. For log lines printed
  // behind it.
  std::size_t find_line(std::string_view text, std::size_t from) const;

  // `text` without the lines at its end that belong to the prompt: the router's "{master:0}", a prompt
  // printed twice.
  std::string_view trim(std::string_view text) const;

  // The same line but for blanks at its end and a mark or a time in front.
  static bool same(std::string_view one, std::string_view other);

 private:
  bool other_mode(std::string_view line) const;

  const config::Pattern& shape_;
  std::string line_;  // without mark, time and blanks around it: "bj-edge-1#", "<HUAWEI>", "admin@r1>"
  std::string host_;  // "bj-edge-1", "HUAWEI", "admin@r1"
  std::vector<std::string> lead_;
};

}  // namespace linewatch::connection
