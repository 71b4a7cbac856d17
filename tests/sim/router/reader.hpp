#pragma once
// Walks over the words of a command; the first thing that is wrong with one is kept with its place.

#include <span>

#include "tests/sim/router/ping_options.hpp"

namespace linewatch::sim {

class Reader {
 public:
  using Why = BadWord::Why;

  // `end` is the length of the line: where an incomplete command's caret stands.
  Reader(std::span<const Word> words, std::size_t end) : words_(words), end_(end) {}

  bool done() const { return next_ == words_.size(); }
  const Word& take() { return words_[next_++]; }
  const Word& peek() const { return words_[next_]; }
  const std::optional<BadWord>& failure() const { return failure_; }
  void fail(Why why, std::size_t at) {
    if (!failure_) failure_ = BadWord{why, at};
  }

  std::string text() {
    if (done()) {
      fail(Why::incomplete, end_);
      return {};
    }
    return take().text;
  }

  int number(int min, int max) {
    if (done()) {
      fail(Why::incomplete, end_);
      return min;
    }
    const Word& word = take();
    const auto value = parse_number<int>(word.text, min, max);
    if (!value) fail(Why::wrong_parameter, word.at);
    return value.value_or(min);
  }

  // An address or an interface, which is written with a space too: "GigabitEthernet 0/0/1".
  std::string interface() {
    std::string source = text();
    const bool letters =
        !source.empty() && std::string_view(source).find_first_of("0123456789:.") == std::string::npos;
    if (letters && !done() && peek().text.find_first_of("0123456789") == 0) source += take().text;
    return source;
  }

 private:
  std::span<const Word> words_;
  std::size_t end_;
  std::size_t next_ = 0;
  std::optional<BadWord> failure_;
};

}  // namespace linewatch::sim
