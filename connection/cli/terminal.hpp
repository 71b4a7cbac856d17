#pragma once
// What a router draws becomes plain lines: carriage returns, backspaces, cursor and erase sequences act on
// the current line as on a screen, titles and colours vanish. Fed in pieces of any size with the same result;
// owned by a driver, or used for one text by strip_terminal(). No loop.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace linewatch::connection {

class Terminal {
 public:
  // The width told to the router. It only matters to a router that wraps its own echo at the last column.
  static constexpr std::size_t width = 511;

  void feed(std::string_view bytes);

  // Lines end in '\n' alone; the last, open line has none.
  const std::string& text() const { return text_; }
  std::string_view open_line() const { return std::string_view(text_).substr(line_start_); }
  std::size_t open_line_start() const { return line_start_; }

  std::string take();      // the text, moved out
  void clear();            // forgets the text and gives back its memory, but not where the router's cursor is
  void erase_open_line();  // a pager's text that was answered
  void erase(std::size_t begin,
             std::size_t end);  // of text(): noise; the open line may become an earlier one
  void keep_tail(
      std::size_t octets);  // forgets all but about the last `octets`, by whole lines where possible

 private:
  enum class State : std::uint8_t { text, escape, intermediate, csi, string, string_escape };

  void put(std::string_view plain);
  void control(char c);
  void escape(char c);
  void csi(char c);
  void csi_final(char c);
  void line_feed();
  void drop_leftover_blanks();
  void carriage_return();
  void move_to_column(std::size_t column);
  void move_to_row(std::size_t row, std::size_t column);
  void recall();
  bool short_line() const;
  std::size_t column() const {
    return forgotten_ + cursor_ - line_start_ - before_;
  }  // on the router's screen
  std::size_t parameter(int index, std::size_t otherwise) const;

  std::string text_;
  std::size_t line_start_ = 0;
  std::size_t cursor_ =
      0;  // offset in text_; may lie behind its end: blanks fill the gap when something is written
  std::size_t forgotten_ = 0;  // octets of the open line that were dropped: the first column of what is left
  std::size_t before_ = 0;     // the cursor stands so many columns left of what is left
  State state_ = State::text;
  bool redrawn_ = false;      // the open line was overwritten: blanks at its end are leftovers, not text
  bool private_csi_ = false;  // ESC [ ? ...
  std::uint8_t parameters_ = 0, sequence_length_ = 0;
  std::uint16_t parameter_[2] = {};
  std::uint16_t row_ = 0;  // of the open line, where the router positions absolutely; 0 = unknown
};

// One whole text at once.
std::string strip_terminal(std::string_view bytes);

}  // namespace linewatch::connection
