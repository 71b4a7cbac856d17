#include "connection/cli/terminal.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace linewatch::connection {

namespace {

constexpr char esc = '\x1b';
constexpr std::size_t longest_edited_line = 2048;  // a few octets must neither blow a line up nor move a MB
constexpr std::uint8_t longest_csi = 64;

bool is_plain(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u >= 0x20 && u != 0x7f;
}

// The end of the run of plain text at `p`, eight octets at a time: the high bit of each octet of `stops` says
// whether that octet is below a blank or DEL. A borrow can only mark octets behind a true one, so the first
// is exact.
const char* plain_end(const char* p, const char* end) {
  constexpr std::uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
  while (std::endian::native == std::endian::little && end - p >= 8) {
    std::uint64_t octets = 0;
    std::memcpy(&octets, p, sizeof octets);
    const std::uint64_t del = octets ^ (ones * 0x7f);
    const std::uint64_t stops = (((octets - ones * 0x20) & ~octets) | ((del - ones) & ~del)) & highs;
    if (stops != 0) return p + std::countr_zero(stops) / 8;
    p += 8;
  }
  while (p != end && is_plain(*p)) ++p;
  return p;
}

}  // namespace

void Terminal::feed(std::string_view bytes) {
  text_.reserve(text_.size() + bytes.size());  // at once: most answers come in one piece
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  while (p != end) {
    if (state_ != State::text) {
      escape(*p++);
      continue;
    }
    const char* const run = plain_end(p, end);
    if (run != p) put({p, static_cast<std::size_t>(run - p)});
    p = run;
    if (p == end) break;
    if (*p == '\r' && p + 1 != end && p[1] == '\n') {
      line_feed();
      p += 2;
    } else {
      control(*p++);
    }
  }
}

void Terminal::put(std::string_view plain) {
  recall();
  if (cursor_ != text_.size()) {
    if (cursor_ > text_.size()) text_.resize(cursor_, ' ');
    const std::size_t over = std::min(plain.size(), text_.size() - cursor_);
    text_.replace(cursor_, over, plain.substr(0, over));
    redrawn_ |= over != 0;
    cursor_ += over;
    plain.remove_prefix(over);
    if (plain.empty()) return;
  }
  text_.append(plain);
  cursor_ = text_.size();
}

void Terminal::control(char c) {
  switch (c) {
    case '\n':
      line_feed();
      break;
    case '\r':
      carriage_return();
      break;
    case '\b':
      if (column() > 0) move_to_column(column() - 1);
      break;
    case '\t':
      put({&c, 1});
      break;
    case esc:
      state_ = State::escape;
      break;
    default:
      break;  // NUL, BEL, shifts and the like draw nothing
  }
}

void Terminal::line_feed() {
  drop_leftover_blanks();
  text_.push_back('\n');
  line_start_ = cursor_ = text_.size();
  forgotten_ = before_ = 0;
  row_ = 0;
}

void Terminal::drop_leftover_blanks() {
  if (!redrawn_) return;
  std::size_t end = text_.size();
  while (end > line_start_ && text_[end - 1] == ' ') --end;
  text_.resize(end);
  redrawn_ = false;
}

void Terminal::carriage_return() {
  // A router that wraps its echo at our width writes something and a CR there: that CR returns to the wrapped
  // row.
  const std::size_t at = column();
  move_to_column(at == 0 ? 0 : (at - 1) / width * width);
}

void Terminal::move_to_column(std::size_t column) {
  const bool in_view =
      column >= forgotten_ || forgotten_ > width;  // of a line without end nothing is recalled
  before_ = in_view ? 0 : forgotten_ - column;
  cursor_ = line_start_ + column - std::min(column, forgotten_);
}

// Something is drawn over what was forgotten (a prompt, most likely): blanks take its place.
void Terminal::recall() {
  if (before_ == 0) return;
  const std::size_t at = column();
  text_.insert(line_start_, forgotten_, ' ');
  forgotten_ = before_ = 0;
  cursor_ = line_start_ + at;
}

bool Terminal::short_line() const {
  return text_.size() - line_start_ < longest_edited_line;
}

void Terminal::move_to_row(std::size_t row, std::size_t column) {
  if (row_ != row && text_.size() != line_start_) line_feed();
  row_ = static_cast<std::uint16_t>(row);
  move_to_column(std::min(column, width));
}

void Terminal::escape(char c) {
  const auto u = static_cast<unsigned char>(c);
  switch (state_) {
    case State::escape:
      if (c == '[') {
        state_ = State::csi;
        private_csi_ = false;
        parameters_ = sequence_length_ = 0;
        parameter_[0] = parameter_[1] = 0;
      } else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') {
        state_ = State::string;
      } else if (u >= 0x20 && u <= 0x2f) {
        state_ = State::intermediate;  // ESC ( B and its kin
      } else if (c != esc) {
        state_ = State::text;
        if (c == 'E') line_feed();
        if (u < 0x20) control(c);
        if (u >= 0x80) put({&c, 1});
      }
      break;
    case State::intermediate:
      if (c == esc) {
        state_ = State::escape;
      } else if (u < 0x20 || u > 0x2f) {
        state_ = State::text;
        if (u < 0x20) control(c);
      }
      break;
    case State::csi:
      csi(c);
      break;
    case State::string:
      // Titles end with BEL or ST. None spans lines: a line end frees us from one that was never closed.
      if (c == esc) state_ = State::string_escape;
      if (c == '\a' || c == '\x18' || c == '\x1a') state_ = State::text;
      if (c == '\n' || c == '\r') {
        state_ = State::text;
        control(c);
      }
      break;
    case State::string_escape:
      state_ = State::escape;
      if (c == '\\') {
        state_ = State::text;
      } else {
        escape(c);
      }
      break;
    case State::text:
      break;
  }
}

void Terminal::csi(char c) {
  const auto u = static_cast<unsigned char>(c);
  if (c == esc) {
    state_ = State::escape;
  } else if (u < 0x20) {
    if (c == '\x18' || c == '\x1a') state_ = State::text;
    if (c == '\n' || c == '\r' || c == '\b')
      control(c);  // as a terminal does: acts, and the sequence goes on
  } else if (u >= 0x7f || ++sequence_length_ > longest_csi) {
    state_ = State::text;
  } else if (u >= 0x40) {
    state_ = State::text;
    csi_final(c);
  } else if (c >= '0' && c <= '9') {
    if (parameters_ < 2) {
      std::uint16_t& value = parameter_[parameters_];
      value = static_cast<std::uint16_t>(std::min(9999, value * 10 + (c - '0')));
    }
  } else if (c == ';') {
    if (parameters_ < 2) ++parameters_;
  } else if (u >= 0x3c) {
    private_csi_ = true;
  }
}

std::size_t Terminal::parameter(int index, std::size_t otherwise) const {
  return parameter_[index] == 0 ? otherwise : parameter_[index];
}

void Terminal::csi_final(char c) {
  if (private_csi_) return;
  const std::size_t n = parameter(0, 1);
  if (std::string_view("JKPX@").contains(c)) recall();
  switch (c) {
    case 'C':
      move_to_column(std::max(column(), std::min(column() + n, forgotten_ + width)));
      break;
    case 'D':
      move_to_column(column() - std::min(n, column()));
      break;
    case 'G':
    case '`':
      move_to_column(std::min(n - 1, width));
      break;
    case 'H':
    case 'f':
      move_to_row(n, parameter(1, 1) - 1);
      break;
    case 'J':
    case 'K':
      redrawn_ = true;
      if (parameter_[0] == 1 && short_line()) {
        const std::size_t end = std::min(cursor_ + 1, text_.size());
        std::fill(text_.begin() + static_cast<std::ptrdiff_t>(line_start_),
                  text_.begin() + static_cast<std::ptrdiff_t>(end), ' ');
      } else if (parameter_[0] != 1) {
        text_.resize(std::min(text_.size(), parameter_[0] == 0 ? cursor_ : line_start_));
      }
      break;
    case 'P':
      if (cursor_ < text_.size() && short_line()) text_.erase(cursor_, n);
      redrawn_ = true;
      break;
    case 'X':
      for (std::size_t i = cursor_; i < std::min(cursor_ + n, text_.size()); ++i) text_[i] = ' ';
      redrawn_ = true;
      break;
    case '@':
      if (cursor_ < text_.size() && short_line()) text_.insert(cursor_, std::min(n, width), ' ');
      break;
    default:
      break;  // colours, modes, ESC[9999B and other vertical moves: a list of lines knows none of them
  }
}

std::string Terminal::take() {
  drop_leftover_blanks();
  std::string taken = std::move(text_);
  clear();
  return taken;
}

void Terminal::clear() {
  forgotten_ = column();
  std::string().swap(text_);
  line_start_ = cursor_ = before_ = 0;
  redrawn_ = false;
}

void Terminal::erase_open_line() {
  text_.resize(line_start_);
  cursor_ = line_start_;
  before_ = 0;
  redrawn_ = true;  // the router will draw blanks over what it thinks is still there
}

void Terminal::erase(std::size_t begin, std::size_t end) {
  text_.erase(begin, end - begin);
  line_start_ = text_.rfind('\n') + 1;  // npos + 1 == 0
  cursor_ = text_.size();
  forgotten_ = before_ = 0;
}

void Terminal::keep_tail(std::size_t octets) {
  if (text_.size() <= octets) return;
  std::size_t cut = text_.size() - octets;
  const std::size_t line = text_.find('\n', cut);
  if (line != std::string::npos && line < line_start_) cut = line + 1;
  text_.erase(0, cut);
  const std::size_t of_line = cut - std::min(cut, line_start_);
  forgotten_ += of_line;
  before_ += before_ > 0 ? of_line : 0;
  if (forgotten_ > width) before_ = 0;
  line_start_ -= std::min(cut, line_start_);
  cursor_ = std::max(line_start_, cursor_ - std::min(cut, cursor_));
}

std::string strip_terminal(std::string_view bytes) {
  Terminal terminal;
  terminal.feed(bytes);
  return terminal.take();
}

}  // namespace linewatch::connection
