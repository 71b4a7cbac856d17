#pragma once
// Tables for people: columns as wide as their contents, two spaces between, long sentences wrapped below.
// Pure.

#include <string>
#include <string_view>
#include <vector>

namespace linewatch::agent {

inline constexpr std::size_t terminal_width = 120;

class TextTable {
 public:
  // A title that begins with '>' belongs to a column of numbers, which stand to the right.
  explicit TextTable(std::vector<std::string> titles);
  void row(std::vector<std::string> cells);
  void note(std::string text);  // below the last row
  std::string text() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::string note;
  };
  std::vector<bool> right_;
  std::vector<Row> rows_;  // the titles first
};

// In lines of at most terminal_width, each begun with `indent` spaces. A word that is longer stays whole.
std::string wrapped(std::string_view text, std::size_t indent);

// "42s", "3m12s", "2h5m", "3d4h": what is below two units nobody reads.
std::string short_time(double seconds);

}  // namespace linewatch::agent
