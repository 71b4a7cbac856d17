#pragma once
// All that reads what a router prints, on one text: the terminal stripper, the prompt, the echo, the ping's
// answer. For the fuzzer and for those who replay what it found.

#include <algorithm>
#include <string>
#include <string_view>

#include "connection/cli/echo.hpp"
#include "connection/cli/prompt.hpp"
#include "connection/cli/terminal.hpp"
#include "connection/cli/text.hpp"
#include "scheduler/task/ping.hpp"
#include "tests/fuzz/sense.hpp"

namespace linewatch::test {

inline std::string complaint_of_terminal(std::string_view octets, std::size_t piece) {
  connection::Terminal whole, pieces;
  whole.feed(octets);
  for (std::size_t at = 0; at < octets.size(); at += piece) pieces.feed(octets.substr(at, piece));
  if (whole.text() != pieces.text()) return "stripped in pieces it is another text";
  if (whole.open_line_start() != pieces.open_line_start()) return "stripped in pieces it is another line";
  // A few octets may move the cursor by a terminal's width, not more.
  if (whole.text().size() > (connection::Terminal::width + 1) * (octets.size() + 1))
    return "text out of nothing";
  if (whole.open_line().contains('\n')) return "an open line of two lines";
  const std::string text = whole.text();
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == '\x7f')
      return "a control octet is left";
  }
  connection::Terminal tail = whole;
  tail.keep_tail(piece);
  if (tail.text().size() > piece || !std::string_view(text).ends_with(tail.text()))
    return "a tail that is none";
  tail.feed(octets);  // what goes on from there must not fall over
  if (whole.take().size() > text.size()) return "taken, it is more";
  return {};
}

inline std::string complaint_of_prompt(const config::Platform& platform, const std::string& text) {
  connection::Prompt prompt(platform.cli.prompt);
  prompt.has_shape(std::string_view(text).substr(text.rfind('\n') + 1));
  prompt.learn(text);
  if (prompt.learned() && !prompt.is(prompt.line())) return "a prompt that does not know itself";
  if (!std::string_view(text).starts_with(prompt.trim(text))) return "trimmed, it is another text";
  const std::size_t line = prompt.find_line(text, 0);
  if (line != std::string::npos && !std::string_view(text).substr(line).starts_with(prompt.line()))
    return "a prompt's line without the prompt";
  const auto end = connection::find_echo_end(text, "ping 192.0.2.9");
  if (end && (*end > text.size() || *end == 0 || text[*end - 1] != '\n')) return "an echo that does not end";
  if (connection::last_words(text).size() > 120) return "many last words";
  return {};
}

inline std::string complaint_of_ping(const config::Platform& platform, const std::string& text,
                                     std::size_t piece) {
  auto figures = scheduler::parse_ping(platform, text);
  if (auto wrong = nonsense(platform, figures); !wrong.empty()) return wrong;
  scheduler::impose_timeout(figures, config::Duration(static_cast<int>(piece)));
  if (auto wrong = nonsense(platform, figures); !wrong.empty()) return "with a timeout imposed: " + wrong;
  scheduler::rejected(platform, text);

  constexpr int count = 3;
  scheduler::ImposedPing imposed(platform, count, config::Duration(2000));
  auto now = connection::TimePoint();
  for (std::size_t seen = 0; seen < text.size(); now += std::chrono::milliseconds(10)) {
    seen = std::min(text.size(), seen + std::max<std::size_t>(piece, 16));
    if (imposed.look(std::string_view(text).substr(0, seen), now).interrupt) break;
  }
  connection::CommandOutput output;
  output.text = text;
  output.interrupted = true;
  figures = imposed.read(output);
  if (auto wrong = nonsense(platform, figures); !wrong.empty()) return "with the end imposed: " + wrong;
  if (figures.sent.value_or(0) > count && !figures.probes_ms.empty())
    return "more probes than were asked for";
  return {};
}

// What is wrong; empty if nothing. `piece` is at least 1.
inline std::string complaint(const config::Platform& platform, std::string_view octets, std::size_t piece) {
  if (auto wrong = complaint_of_terminal(octets, piece); !wrong.empty()) return wrong;
  const std::string text = connection::strip_terminal(octets);
  if (auto wrong = complaint_of_prompt(platform, text); !wrong.empty()) return wrong;
  return complaint_of_ping(platform, text, piece);
}

}  // namespace linewatch::test
