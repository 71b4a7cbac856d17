#include "agent/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "config/duration.hpp"

namespace linewatch::agent {

namespace {

// Characters, not octets: what follows the first octet of a UTF-8 character is not counted.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

TextTable::TextTable(std::vector<std::string> titles) {
  right_.reserve(titles.size());
  for (std::string& title : titles) {
    right_.push_back(title.starts_with('>'));
    if (right_.back()) title.erase(0, 1);
  }
  rows_.push_back({std::move(titles), {}});
}

void TextTable::row(std::vector<std::string> cells) {
  cells.resize(right_.size());
  rows_.push_back({std::move(cells), {}});
}

void TextTable::note(std::string text) {
  rows_.back().note = std::move(text);
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(right_.size());
  for (const Row& row : rows_)
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], width(row.cells[i]));
  std::string out;
  for (const Row& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string padding(widths[i] - width(row.cells[i]), ' ');
      if (i > 0) line += "  ";
      line += right_[i] ? padding + row.cells[i] : row.cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (!row.note.empty()) out += wrapped(row.note, 4);
  }
  return out;
}

std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out, line;
  const auto flush = [&] {
    if (!line.empty()) out += std::string(indent, ' ') + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && indent + width(line) + 1 + width(word) > terminal_width) flush();
    if (!line.empty()) line += ' ';
    line += word;
  }
  flush();
  return out;
}

std::string short_time(double seconds) {
  using namespace std::chrono;
  const milliseconds whole{std::max<std::int64_t>(0, std::llround(seconds)) * 1000};
  if (whole >= days(1)) return config::format_duration(floor<hours>(whole));
  if (whole >= hours(1)) return config::format_duration(floor<minutes>(whole));
  return config::format_duration(whole);
}

}  // namespace linewatch::agent
