#include "config/plain_yaml.hpp"

#include <string.h>
#include <yaml-cpp/mark.h>

#include <algorithm>
#include <optional>
#include <string>

namespace linewatch::config {

namespace {

constexpr std::size_t longest_key = 500;  // the parser takes none beyond 1024
constexpr int max_depth = 64;             // as the document takes
const std::string plain_tag = "?", quoted_tag = "!";

struct NotPlain {};  // ends the reading

bool is_null_word(std::string_view text) {
  return text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Walks the text with a place in its current line. Lines that are empty or hold a comment only are passed by.
class PlainReader {
 public:
  PlainReader(std::string_view text, YAML::EventHandler& events) : text_(text), events_(events) {
    given_.reserve(4096);  // not to leave copies about as it grows: a password may be in it
  }
  PlainReader(const PlainReader&) = delete;
  PlainReader& operator=(const PlainReader&) = delete;
  ~PlainReader() {
    given_.resize(given_.capacity());
    explicit_bzero(given_.data(), given_.size());
  }

  void read() {
    next_line();
    if (ended_ || column() != 0) throw NotPlain();
    events_.OnDocumentStart(mark());
    block_map();
    if (!ended_) throw NotPlain();
    events_.OnDocumentEnd();
  }

 private:
  struct Scalar {
    std::string_view text;
    YAML::Mark mark;
    bool quoted;
  };

  char peek(std::size_t ahead = 0) const { return at_ + ahead < end_ ? text_[at_ + ahead] : '\n'; }
  std::size_t column() const { return at_ - begin_; }
  YAML::Mark mark() const {
    YAML::Mark mark;
    mark.line = line_;
    mark.column = static_cast<int>(column());
    return mark;
  }
  void skip_spaces() {
    while (peek() == ' ') ++at_;
  }

  bool take_line();
  void next_line();
  bool at_line_end();
  void end_value(std::size_t indent);
  bool at_item() const { return peek() == '-' && (peek(1) == ' ' || peek(1) == '\n'); }

  bool plain_begins() const;
  std::string_view plain(bool in_flow);
  Scalar quoted();
  Scalar scalar(bool in_flow);
  std::optional<Scalar> key(bool in_flow);
  void give(const Scalar& scalar);

  void block_map();
  void block_list(bool in_map);
  void block_node(std::size_t around);
  void item(std::size_t indent);
  void map_value(std::size_t indent);
  bool flow_begins() const { return peek() == '[' || peek() == '{'; }
  void flow_value();
  void flow_map();
  void flow_list();
  void flow_gap();
  bool flow_goes_on(char close);

  void enter() {
    if (++depth_ > max_depth) throw NotPlain();
  }

  std::string_view text_;
  YAML::EventHandler& events_;
  std::string given_;                         // a scalar as the events take it
  std::size_t at_ = 0, begin_ = 0, end_ = 0;  // of the line, without its end
  std::size_t next_ = 0;                      // where the next line begins
  int line_ = -1;
  int depth_ = 0;
  bool ended_ = false;
};

// False at the end of the text.
bool PlainReader::take_line() {
  if (next_ >= text_.size()) return false;
  begin_ = at_ = next_;
  end_ = std::min(text_.find('\n', begin_), text_.size());
  next_ = end_ + 1;
  ++line_;
  return true;
}

// To the first character of the next line with something on it.
void PlainReader::next_line() {
  while (take_line()) {
    skip_spaces();
    if (at_ == end_ || peek() == '#') continue;
    const std::string_view mark = text_.substr(at_, 3);
    if (column() == 0 && (mark == "---" || mark == "...")) throw NotPlain();
    return;
  }
  ended_ = true;
}

bool PlainReader::at_line_end() {
  const bool spaced = at_ == begin_ || text_[at_ - 1] == ' ' || peek() == ' ';
  skip_spaces();
  return at_ == end_ || (spaced && peek() == '#');
}

// Behind a value: nothing may follow on its line, nor deeper below it.
void PlainReader::end_value(std::size_t indent) {
  if (!at_line_end()) throw NotPlain();
  next_line();
  if (!ended_ && column() > indent) throw NotPlain();
}

bool PlainReader::plain_begins() const {
  const char first = peek();
  if (first == '-') return peek(1) != ' ' && peek(1) != '\n' && peek(1) != ':';
  return std::string_view(" \n\t\r,[]{}#&*!|>'\"%@`?:").find(first) == std::string_view::npos;
}

std::string_view PlainReader::plain(bool in_flow) {
  const std::size_t first = at_;
  std::size_t behind = at_;  // the last that is no space
  for (; at_ < end_; ++at_) {
    const char c = text_[at_];
    if (c == ' ') continue;
    if (c == ':' && (peek(1) == ' ' || peek(1) == '\n')) break;
    if (c == '#' && text_[at_ - 1] == ' ') break;
    if (in_flow) {
      if (c == ',' || c == ']' || c == '}') break;
      if (c == '[' || c == '{' || c == '?') throw NotPlain();
      if (c == ':' && std::string_view(",[]{}?").contains(peek(1))) throw NotPlain();
    }
    if (static_cast<unsigned char>(c) < 0x20) throw NotPlain();
    behind = at_ + 1;
  }
  at_ = behind;
  return text_.substr(first, behind - first);
}

PlainReader::Scalar PlainReader::quoted() {
  const YAML::Mark place = mark();
  const char quote = peek();
  const std::size_t first = ++at_;
  for (; peek() != quote; ++at_) {
    if (static_cast<unsigned char>(peek()) < 0x20 || peek() == '\\') throw NotPlain();  // the line's end, too
  }
  if (peek(1) == quote) throw NotPlain();
  ++at_;
  return {text_.substr(first, at_ - 1 - first), place, true};
}

PlainReader::Scalar PlainReader::scalar(bool in_flow) {
  if (peek() == '\'' || peek() == '"') return quoted();
  if (!plain_begins()) throw NotPlain();
  const YAML::Mark place = mark();
  return {plain(in_flow), place, false};
}

// "key:" and the spaces behind it. Nothing: it is a value, and is still to be read.
std::optional<PlainReader::Scalar> PlainReader::key(bool in_flow) {
  const std::size_t start = at_;
  const Scalar key = scalar(in_flow);
  if (peek() != ':' || (peek(1) != ' ' && peek(1) != '\n')) {
    at_ = start;
    return std::nullopt;
  }
  if (key.text.size() > longest_key || (!key.quoted && is_null_word(key.text))) throw NotPlain();
  ++at_;
  return key;
}

void PlainReader::give(const Scalar& scalar) {
  if (!scalar.quoted && is_null_word(scalar.text)) return events_.OnNull(scalar.mark, 0);
  given_.assign(scalar.text);
  events_.OnScalar(scalar.mark, scalar.quoted ? quoted_tag : plain_tag, 0, given_);
}

void PlainReader::block_map() {
  enter();
  const std::size_t indent = column();
  events_.OnMapStart(mark(), plain_tag, 0, YAML::EmitterStyle::Block);
  do {
    const auto name = key(false);
    if (!name) throw NotPlain();
    give(*name);
    map_value(indent);
  } while (!ended_ && column() == indent);
  if (!ended_ && column() > indent) throw NotPlain();
  events_.OnMapEnd();
  --depth_;
}

void PlainReader::map_value(std::size_t indent) {
  if (at_line_end()) {
    next_line();
    if (!ended_ && column() > indent) return block_node(indent);
    if (!ended_ && column() == indent && at_item()) return block_list(true);
    return events_.OnNull(mark(), 0);
  }
  if (flow_begins()) {
    flow_value();
  } else {
    give(scalar(false));
  }
  end_value(indent);
}

// What stands on a line of its own, deeper than what it belongs to.
void PlainReader::block_node(std::size_t around) {
  if (at_item()) return block_list(false);
  if (flow_begins()) {
    flow_value();
    return end_value(around);
  }
  const std::size_t start = at_;
  if (key(false)) {
    at_ = start;
    return block_map();
  }
  give(scalar(false));
  end_value(around);
}

// `in_map`: its items stand in the column of the keys around it.
void PlainReader::block_list(bool in_map) {
  enter();
  const std::size_t indent = column();
  events_.OnSequenceStart(mark(), plain_tag, 0, YAML::EmitterStyle::Block);
  while (!ended_ && column() == indent && at_item()) item(indent);
  if (!ended_ && (column() > indent || (column() == indent && !in_map))) throw NotPlain();
  events_.OnSequenceEnd();
  --depth_;
}

void PlainReader::item(std::size_t indent) {
  ++at_;
  if (at_line_end()) {
    next_line();
    if (ended_ || column() <= indent) throw NotPlain();
  } else if (at_item()) {
    throw NotPlain();
  }
  block_node(indent);
}

// To the next token, which may stand on a later line.
void PlainReader::flow_gap() {
  skip_spaces();
  while (at_ == end_) {
    if (!take_line()) throw NotPlain();
    skip_spaces();
    if (column() == 0 && at_ != end_) throw NotPlain();
  }
}

// Behind a value: is there another one?
bool PlainReader::flow_goes_on(char close) {
  skip_spaces();
  const char c = peek();
  if (c != ',' && c != close) throw NotPlain();
  ++at_;
  if (c == close) return false;
  flow_gap();
  return true;
}

void PlainReader::flow_value() {
  if (peek() == '{') return flow_map();
  if (peek() == '[') return flow_list();
  give(scalar(true));
}

void PlainReader::flow_map() {
  enter();
  events_.OnMapStart(mark(), plain_tag, 0, YAML::EmitterStyle::Flow);
  ++at_;
  flow_gap();
  if (peek() == '}') {
    ++at_;
  } else {
    do {
      const auto name = key(true);
      if (!name) throw NotPlain();
      give(*name);
      skip_spaces();
      flow_value();
    } while (flow_goes_on('}'));
  }
  events_.OnMapEnd();
  --depth_;
}

void PlainReader::flow_list() {
  enter();
  events_.OnSequenceStart(mark(), plain_tag, 0, YAML::EmitterStyle::Flow);
  ++at_;
  flow_gap();
  if (peek() == ']') {
    ++at_;
  } else {
    do {
      flow_value();
    } while (flow_goes_on(']'));
  }
  events_.OnSequenceEnd();
  --depth_;
}

}  // namespace

bool read_plain_yaml(std::string_view text, YAML::EventHandler& events) {
  // Another encoding than UTF-8, or a mark of it.
  if (text.empty() || static_cast<unsigned char>(text.front()) >= 0x80) return false;
  try {
    PlainReader(text, events).read();
    return true;
  } catch (const NotPlain&) {
    return false;
  }
}

}  // namespace linewatch::config
