#include "scheduler/task/ping_answer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "connection/cli/terminal.hpp"

namespace linewatch::scheduler {

namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const re2::StringPiece& text) {
  return {text.data(), text.size()};
}

// How many octets of a valid UTF-8 sequence begin here (RFC 3629), 0 if none.
std::size_t utf8_length(std::string_view text) {
  const auto octet = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  const unsigned first = octet(0), second = octet(1);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length < 2) return length;
  const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (std::size_t at = 2; at < length; ++at) {
    if ((octet(at) & 0xc0U) != 0x80U) return 0;
  }
  return length;
}

}  // namespace

bool Match::find(const config::Pattern& pattern, std::string_view text, std::size_t from) {
  if (!pattern || from > text.size()) return false;
  const int groups = std::min(most_groups, pattern.re().NumberOfCapturingGroups() + 1);
  if (!pattern.re().Match(piece(text), from, text.size(), RE2::UNANCHORED, groups_, groups)) return false;
  for (int unused = groups; unused < most_groups; ++unused) groups_[unused] = {};
  pattern_ = &pattern;
  text_ = text;
  return true;
}

bool Match::find_last(const config::Pattern& pattern, std::string_view text, std::size_t from) {
  if (!find(pattern, text, from)) return false;
  Match next;
  while (end() > begin() && next.find(pattern, text, end())) *this = next;
  return true;
}

std::string_view Match::group(std::string_view name) const {
  const int number = pattern_ ? pattern_->group(name) : -1;
  return number < 0 || number >= most_groups ? std::string_view() : view(groups_[number]);
}

std::optional<int> to_count(std::string_view digits) {
  int value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<double> to_milliseconds(std::string_view figure, std::string_view unit) {
  double value = 0;
  const auto [end, failure] =
      std::from_chars(figure.data(), figure.data() + figure.size(), value, std::chars_format::fixed);
  if (failure != std::errc() || end != figure.data() + figure.size()) return std::nullopt;
  if (!std::isfinite(value) || value < 0) return std::nullopt;
  if (unit == "us" || unit == "usec") return value / 1000;
  if (unit == "s" || unit == "sec") return value * 1000;
  return value;
}

std::string_view plain_lines(std::string_view transcript, std::string& storage) {
  const bool plain = std::ranges::none_of(transcript, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == '\x7f';
  });
  if (plain) return transcript;
  storage = connection::strip_terminal(transcript);
  return storage;
}

std::string shown(std::string_view line) {
  constexpr std::size_t longest = 200;
  std::string text;
  while (!line.empty() && text.size() < longest) {
    const std::size_t length = utf8_length(line);
    const auto first = static_cast<unsigned char>(line.front());
    if (length > 1) {
      text += line.substr(0, length);
    } else if (length == 1 && first >= 0x20 && first != 0x7f) {
      text += line.front();
    } else if (first == '\t') {
      text += ' ';
    } else if (first >= 0x80) {
      text += '?';
    }
    line.remove_prefix(std::max<std::size_t>(length, 1));
  }
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::optional<std::string> first_line(const std::vector<config::Pattern>& patterns, std::string_view text) {
  Match match;
  for (const config::Pattern& pattern : patterns) {
    if (!match.find(pattern, text)) continue;
    const std::size_t begin = match.begin() == 0 ? 0 : text.rfind('\n', match.begin() - 1) + 1;
    const std::size_t end = std::min(text.find('\n', match.begin()), text.size());
    return shown(text.substr(begin, end - begin));
  }
  return std::nullopt;
}

bool judge_counts(aggregator::PingFigures& figures) {
  const int sent = *figures.sent, received = *figures.received;
  figures.status = aggregator::PingStatus::error;
  if (sent == 0 || received > sent) {
    figures.error = "the counts make no sense: " + std::to_string(received) + " received of " +
                    std::to_string(sent) + " sent";
    return false;
  }
  figures.loss_percent = 100.0 * (sent - received) / sent;
  figures.status = received == sent ? aggregator::PingStatus::ok
                   : received > 0   ? aggregator::PingStatus::partial_loss
                                    : aggregator::PingStatus::total_loss;
  return true;
}

}  // namespace linewatch::scheduler
