#include "scheduler/task/ping_answer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "connection/cli/terminal.hpp"

namespace linewatch::scheduler {

namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const re2::StringPiece& text) {
  return {text.data(), text.size()};
}

std::size_t line_start(std::string_view text, std::size_t at) {
  return find_last_text(text.substr(0, at), "\n") + 1;  // npos + 1 == 0
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

std::size_t find_last_text(std::string_view text, std::string_view literal) {
  if (text.size() < literal.size()) return std::string_view::npos;
  for (std::size_t before = text.size() - literal.size() + 1;;) {
    const void* at = memrchr(text.data(), literal.front(), before);
    if (!at) return std::string_view::npos;
    before = static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
    if (text.substr(before).starts_with(literal)) return before;
  }
}

// RE2 finds the place of a loose pattern octet by octet. Where a pattern must hold a plain text, that is
// found first, and only its line is matched.
bool Match::find(const config::Pattern& pattern, std::string_view text, std::size_t from) {
  if (!pattern || from > text.size()) return false;
  const std::string& literal = pattern.literal();
  if (literal.empty()) return match(pattern, text, from, text.size());
  while (true) {
    const std::size_t at = text.find(literal, from);
    if (at == std::string_view::npos) return false;
    if (!pattern.one_line()) return match(pattern, text, from, text.size());
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (match_line(pattern, text, at, end, from)) return true;
    from = pattern.literal_first() ? at + 1 : end;
  }
}

bool Match::find_last(const config::Pattern& pattern, std::string_view text) {
  const std::string& literal = pattern.literal();
  if (literal.empty() || !pattern.one_line()) {
    if (!find(pattern, text)) return false;
    Match next;
    while (end() > begin() && next.find(pattern, text, end())) *this = next;
    return true;
  }
  for (std::size_t before = text.size();;) {
    const std::size_t at = find_last_text(text.substr(0, before), literal);
    if (at == std::string_view::npos) return false;
    const std::size_t line_end = std::min(text.find('\n', at), text.size());
    if (match_line(pattern, text, at, line_end, 0)) return true;
    before = pattern.literal_first() ? at : line_start(text, at);
  }
}

// The line around `at`, from `from` on.
bool Match::match_line(const config::Pattern& pattern, std::string_view text, std::size_t at, std::size_t end,
                       std::size_t from) {
  if (pattern.literal_first()) return match(pattern, text, at, end);
  const std::size_t start = line_start(text, at);
  if (start < from && pattern.at_line_start()) return false;
  return match(pattern, text, std::max(start, from), end);
}

bool Match::match(const config::Pattern& pattern, std::string_view text, std::size_t from, std::size_t to) {
  const int groups = std::min(most_groups, pattern.re().NumberOfCapturingGroups() + 1);
  const bool anchored = pattern.one_line() && (pattern.at_line_start() || pattern.literal_first());
  const RE2::Anchor anchor = anchored ? RE2::ANCHOR_START : RE2::UNANCHORED;
  if (!pattern.re().Match(piece(text), from, to, anchor, groups_, groups)) return false;
  for (int unused = groups; unused < most_groups; ++unused) groups_[unused] = {};
  pattern_ = &pattern;
  text_ = text;
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

namespace {

// One number with its unit taken from the front of `text`; nothing if there is none.
std::optional<double> take_milliseconds(std::string_view& text, std::string_view usual_unit) {
  double value = 0;
  const auto [end, failure] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (failure != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const std::size_t length = std::min(text.find_first_of("0123456789."), text.size());
  const std::string_view unit = length > 0 ? text.substr(0, length) : usual_unit;
  text.remove_prefix(length);
  if (unit == "us" || unit == "usec") return value / 1000;
  if (unit == "s" || unit == "sec") return value * 1000;
  if (unit == "ns") return value / 1e6;
  if (unit.empty() || unit == "ms" || unit == "msec") return value;
  return std::nullopt;
}

}  // namespace

std::optional<double> to_milliseconds(std::string_view figure, std::string_view unit) {
  constexpr double longest = 1e9;  // eleven days; sums and squares stay finite
  double sum = 0;
  do {  // RouterOS: "3ms838us", whose parts are not padded
    const auto part = take_milliseconds(figure, unit);
    if (!part) return std::nullopt;
    sum += *part;
    if (!(sum < longest)) return std::nullopt;
  } while (!figure.empty());
  return sum;
}

std::string_view plain_lines(std::string_view transcript, std::string& storage) {
  bool plain = true;
  for (const char c : transcript) {  // no early end, so that compilers take many octets at once
    plain &= (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f') || c == '\n' || c == '\t';
  }
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
  std::size_t first = std::string_view::npos;
  Match match;
  for (const config::Pattern& pattern : patterns) {
    if (match.find(pattern, text)) first = std::min(first, match.begin());
  }
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t begin = line_start(text, first);
  return shown(text.substr(begin, std::min(text.find('\n', first), text.size()) - begin));
}

bool judge_counts(aggregator::PingFigures& figures, bool duplicates_counted) {
  const int sent = *figures.sent, received = *figures.received;
  figures.status = aggregator::PingStatus::error;
  if (sent == 0 || (received > sent && !duplicates_counted)) {
    figures.error = "the counts make no sense: " + std::to_string(received) + " received of " +
                    std::to_string(sent) + " sent";
    return false;
  }
  figures.loss_percent = received > sent ? 0 : 100.0 * (sent - received) / sent;
  figures.status = received >= sent ? aggregator::PingStatus::ok
                   : received > 0   ? aggregator::PingStatus::partial_loss
                                    : aggregator::PingStatus::total_loss;
  return true;
}

void times_from_probes(aggregator::PingFigures& figures) {
  std::vector<double> times;
  for (const auto& probe : figures.probes_ms) {
    if (probe) times.push_back(*probe);
  }
  if (times.empty()) return;
  double sum = 0, squares = 0;
  for (const double time : times) sum += time;
  const double mean = sum / static_cast<double>(times.size());
  for (const double time : times) squares += (time - mean) * (time - mean);
  const auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
  figures.min_ms = *std::ranges::min_element(times);
  figures.max_ms = *std::ranges::max_element(times);
  figures.avg_ms = rounded(mean);
  figures.stddev_ms = rounded(std::sqrt(squares / static_cast<double>(times.size())));
}

}  // namespace linewatch::scheduler
