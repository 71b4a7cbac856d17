#include "connection/cli/echo.hpp"

#include <string>

#include "connection/cli/text.hpp"

namespace linewatch::connection {

namespace {

constexpr std::size_t lines_searched = 64;  // late output and log lines may stand before the echo
constexpr std::size_t shortest_scrolled_tail = 6;

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view() : trim_right(text.substr(start));
}

// "router#$0.2.1 repeat 5": the line was scrolled, only the command's tail is in view.
bool is_scrolled(std::string_view line, std::string_view command) {
  const std::size_t mark = line.find_last_of("$<");
  if (mark == std::string_view::npos) return false;
  const std::string_view tail = trimmed(line.substr(mark + 1));
  return tail.size() >= shortest_scrolled_tail && tail.size() < command.size() && command.ends_with(tail);
}

// The end of `command` in `text` from `at`, where either may have blanks and line ends that the other has
// not.
std::optional<std::size_t> wrapped_end(std::string_view text, std::size_t at, std::string_view command) {
  for (const char c : command) {
    if (c == ' ') continue;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n')) ++at;
    if (at == text.size() || text[at] != c) return std::nullopt;
    ++at;
  }
  while (at < text.size() && text[at] == ' ') ++at;
  if (at == text.size() || text[at] != '\n') return std::nullopt;
  return at + 1;
}

// Where the command may begin in a line: at its start, or behind something that ends like a prompt.
std::optional<std::size_t> echo_in_line(std::string_view text, std::size_t start, std::size_t end,
                                        std::string_view command) {
  const std::string_view line = text.substr(start, end - start);
  if (const std::size_t at = line.rfind(command);
      at != std::string_view::npos && trimmed(line.substr(at + command.size())).empty()) {
    return end + 1;
  }
  if (is_scrolled(trim_right(line), command)) return end + 1;
  if (const auto wrapped = wrapped_end(text, start, command)) return wrapped;
  const std::size_t prompt = line.find_first_of("#>$%]");
  return prompt == std::string_view::npos ? std::nullopt : wrapped_end(text, start + prompt + 1, command);
}

}  // namespace

std::optional<std::size_t> find_echo_end(std::string_view text, std::string_view command) {
  command = trim_right(command);
  if (text.size() > command.size() && text[command.size()] == '\n' && text.starts_with(command))
    return command.size() + 1;
  if (command.empty()) return 0;
  std::size_t start = 0;
  for (std::size_t lines = 0; lines < lines_searched; ++lines) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) return std::nullopt;
    if (const auto found = echo_in_line(text, start, end, command)) return found;
    start = end + 1;
  }
  return std::nullopt;
}

}  // namespace linewatch::connection
