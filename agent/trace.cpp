#include "agent/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "config/mask.hpp"
#include "config/printable.hpp"
#include "connection/cli/terminal.hpp"

namespace linewatch::agent {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find_first_of("\n\r\t"), text.size());
    out += config::printable(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    out += text.front() == '\n' ? "\\n" : text.front() == '\r' ? "\\r" : "\\t";
    text.remove_prefix(1);
  }
  return out;
}

// What is held back for its line's end. A longer line is shown in parts, but not its last octets: a secret
// may just have begun there.
constexpr std::size_t longest_line = 4096, held_back = 1024;

// Stars for each secret, also for one that only a screen shows: there the text becomes what the screen shows.
void mask_drawn(std::string& text, const std::vector<config::Secret>& secrets) {
  config::mask(text, secrets);
  std::string drawn = connection::strip_terminal(text);
  if (config::mask(drawn, secrets)) text = std::move(drawn);
}

char mark_of(connection::TraceDirection direction) {
  switch (direction) {
    case connection::TraceDirection::sent:
      return '>';
    case connection::TraceDirection::received:
      return '<';
    case connection::TraceDirection::note:
      return '#';
  }
  return '#';
}

// Shared by the copies of one trace.
class Lines {
 public:
  Lines(std::string router, std::vector<config::Secret> secrets, TraceSink sink)
      : router_(std::move(router)), secrets_(std::move(secrets)), sink_(std::move(sink)) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() { flush(); }

  void add(connection::TraceDirection direction, std::string_view octets) {
    if (direction != direction_) flush();
    direction_ = direction;
    pending_ += octets;
    for (std::size_t end = 0; (end = pending_.find('\n')) != pending_.npos; pending_.erase(0, end + 1))
      show(pending_.substr(0, end + 1));
    if (pending_.size() > longest_line) {
      mask_drawn(pending_, secrets_);
      const std::size_t shown = pending_.size() - std::min(held_back, pending_.size());
      show(pending_.substr(0, shown));
      pending_.erase(0, shown);
    }
    if (direction == connection::TraceDirection::note) flush();
  }

 private:
  void flush() {
    if (!pending_.empty()) show(std::exchange(pending_, {}));
  }
  void show(std::string text) const {
    mask_drawn(text, secrets_);
    sink_(fmt::format("{} {} {}", router_, mark_of(direction_), escaped(text)));
  }

  std::string router_;
  std::vector<config::Secret> secrets_;
  TraceSink sink_;
  std::string pending_;
  connection::TraceDirection direction_ = connection::TraceDirection::note;
};

}  // namespace

void print_trace(std::string_view line) {
  fmt::print(stderr, "{}\n", line);
}

connection::Trace make_trace(std::string router, std::vector<config::Secret> secrets, TraceSink sink) {
  return
      [lines = std::make_shared<Lines>(std::move(router), std::move(secrets), std::move(sink))](
          connection::TraceDirection direction, std::string_view octets) { lines->add(direction, octets); };
}

}  // namespace linewatch::agent
