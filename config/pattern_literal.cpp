// Finds the plain text in a regular expression that every match must hold. Simple on purpose: what it does
// not know for certain it leaves out, and the pattern is then searched as it is.

#include <algorithm>

#include "config/platform.hpp"

namespace linewatch::config {

namespace {

// The longest run of plain text outside groups, classes and alternatives.
class Search {
 public:
  explicit Search(std::string_view text) : text_(text) {}

  RequiredText found() {
    constexpr std::size_t shortest = 2;  // one letter is everywhere
    constexpr std::size_t telling_first =
        4;  // then a match is tried at its very place, with nothing to search
    while (at_ < text_.size() && certain_) step();
    end_run();
    if (!certain_ || longest_.size() < shortest) return {};
    if (first_.size() >= telling_first) return {first_, one_line_, true};
    return {longest_, one_line_, text_.starts_with(longest_)};
  }

 private:
  void step() {
    switch (const char c = text_[at_]) {
      case '\\':
        return escape();
      case '[':
        return skip_class();
      case '(':
        return skip_group();
      case '|':  // at the top: either side may match
        certain_ = false;
        return;
      case '.':
      case '^':
      case '$':
        ++at_;
        return end_run();
      case '*':
      case '?':
      case '{':
        if (!run_.empty()) run_.pop_back();  // what it stands behind may be missing
        at_ = c == '{' ? std::min(text_.find('}', at_), text_.size() - 1) + 1 : at_ + 1;
        return end_run();
      case '+':
        ++at_;
        return end_run();
      default:
        run_ += c;
        ++at_;
    }
  }

  // "\d", "\s" ... are classes; "\(" and "\." are themselves.
  void escape() {
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    at_ += 2;
    if (std::string_view("nsDW").contains(c)) one_line_ = false;
    if (std::string_view("pPCQx01234567").contains(c)) certain_ = false;  // not read here
    const bool itself =
        (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    if (!itself) return end_run();
    run_ += c;
  }

  void skip_class() {
    end_run();
    ++at_;
    const bool negated = at_ < text_.size() && text_[at_] == '^';
    if (negated) ++at_;
    bool line_end = false;
    for (bool first = true; at_ < text_.size() && (first || text_[at_] != ']'); first = false) {
      if (text_[at_] == '\\') {
        const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
        line_end = line_end || std::string_view("nsDW").contains(c);
        ++at_;
      } else if (text_.substr(at_).starts_with("[:")) {
        certain_ = false;
      }
      ++at_;
    }
    ++at_;
    if (negated != line_end) one_line_ = false;
  }

  // A group's inside is only looked at for what could leave the line.
  void skip_group() {
    end_run();
    int depth = 0;
    const auto flags = [&](std::size_t at) {
      return text_.substr(at).starts_with("(?") && !text_.substr(at).starts_with("(?:") &&
             !text_.substr(at).starts_with("(?P<");
    };
    while (at_ < text_.size() && certain_) {
      const char c = text_[at_];
      if (c == '\\') {
        escape();
        run_.clear();
        continue;
      }
      if (c == '[') {
        skip_class();
        continue;
      }
      if (c == '(') {
        ++depth;
        if (flags(at_)) certain_ = false;
      }
      ++at_;
      if (c == ')' && --depth == 0) break;
    }
    run_.clear();
  }

  void end_run() {
    if (longest_.empty() && text_.starts_with(run_)) first_ = run_;
    if (run_.size() > longest_.size()) longest_ = run_;
    run_.clear();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string run_, longest_, first_;
  bool certain_ = true, one_line_ = true;
};

}  // namespace

RequiredText required_text(std::string_view pattern) {
  return Search(pattern).found();
}

}  // namespace linewatch::config
