#include "tests/sim/router/drawing.hpp"

#include <fmt/format.h>

#include <utility>

namespace linewatch::sim {
namespace {

constexpr std::size_t scrolled_tail = 10;  // octets of a scrolled line that stay in view

void replace(std::string& text, std::string_view what, std::string_view by) {
  if (const std::size_t at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

}  // namespace

std::string Drawing::counted(std::string text) {
  if (text.contains("{n}")) replace(text, "{n}", fmt::format("{:02}", count_++ % 60));
  return text;
}

std::string Drawing::prompt(std::string plain) {
  const std::string& name = renamed_ ? quirks_.new_name : quirks_.shown_name;
  if (!name.empty()) replace(plain, router_.name, name);
  const std::string whole = counted(quirks_.prompt_lead) + plain;
  prompt_ = whole.substr(whole.rfind('\n') + 1);  // npos + 1 == 0
  shown_ = 0;
  return whole;
}

std::string Drawing::key(std::string_view line) {
  std::string octet(line.substr(line.size() - 1));
  const auto columns = static_cast<std::size_t>(quirks_.columns);
  if (columns == 0 || prompt_.size() + shown_ + 1 < columns || line.size() <= scrolled_tail) {
    ++shown_;
    return octet;
  }
  std::string drawn = std::string(shown_, '\b') + "$" + std::string(line.substr(line.size() - scrolled_tail));
  const std::size_t now = scrolled_tail + 1, before = std::exchange(shown_, now);
  if (before > now) drawn += std::string(before - now, ' ') + std::string(before - now, '\b');
  return drawn;
}

std::string Drawing::rubout() {
  shown_ -= shown_ > 0 ? 1 : 0;
  return "\b \b";
}

// First half the line is spoilt, then it is mended: who cannot follow the cursor reads neither.
std::string Drawing::redrawn(std::string_view line) {
  const std::size_t half = (line.size() + 1) / 2, rest = line.size() - half;
  const std::string dots(half, '.'), right(line.substr(0, half));
  switch (quirks_.echo) {
    case Quirks::Echo::plain:
      break;
    case Quirks::Echo::carriage_return:
      return "\r" + prompt_ + dots + "\r" + prompt_ + right;
    case Quirks::Echo::backspaces:
      return std::string(line.size(), '\b') + dots + std::string(half, '\b') + right;
    case Quirks::Echo::cursor: {
      if (line.empty()) break;
      const std::string forward = rest > 0 ? fmt::format("\x1b[{}C", rest) : "";
      return fmt::format("\x1b[{}D{}\x1b[{}D\x1b[1m{}\x1b[0m{}tail\x1b[4D\x1b[K", line.size(), dots, half,
                         right, forward);
    }
    case Quirks::Echo::title:
      return "\x1b]0;" + prompt_ + "\a";
  }
  return {};
}

}  // namespace linewatch::sim
