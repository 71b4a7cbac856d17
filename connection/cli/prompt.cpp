#include "connection/cli/prompt.hpp"

#include <algorithm>

#include "connection/cli/text.hpp"

namespace linewatch::connection {

namespace {

constexpr std::size_t longest_prompt = 256;
constexpr std::string_view terminators = "#>$%]";

// Without what changes from prompt to prompt: "*" (unsaved), "!" and a time or a counter in front.
std::string_view core(std::string_view line) {
  line = trim_right(line);
  for (;;) {
    const std::size_t start = line.find_first_not_of(" \t*!");
    if (start == std::string_view::npos) return line;
    line.remove_prefix(start);
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos || blank + 1 == line.size()) return line;
    // A word of digits and the signs of a time, with at least one ':' or in brackets.
    const std::string_view word = line.substr(0, blank);
    if (word.find_first_not_of("0123456789:.-/[]TZ+") != std::string_view::npos) return line;
    if (word.find_first_of("0123456789") == std::string_view::npos) return line;
    line.remove_prefix(blank + 1);
  }
}

bool is_host_octet(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u >= 0x80 ||
         std::string_view("._-@/").find(c) != std::string_view::npos;
}

// "RP/0/RP0/CPU0:router#" keeps its colon; of "netmon@host:~/log$" only "netmon@host" stays the same.
std::string_view host_of(std::string_view line) {
  const auto first = std::ranges::find_if(line, is_host_octet);
  line.remove_prefix(static_cast<std::size_t>(first - line.begin()));
  std::size_t end = 0;
  while (end < line.size() &&
         (is_host_octet(line[end]) ||
          (line[end] == ':' && end + 1 < line.size() && is_host_octet(line[end + 1]) &&
           line[end + 1] != '/' && line.substr(0, end).find('@') == std::string_view::npos))) {
    ++end;
  }
  return line.substr(0, end);
}

}  // namespace

bool Prompt::has_shape(std::string_view open_line) const {
  const std::string_view trimmed = trim_right(open_line);
  if (trimmed.empty() || open_line.size() > longest_prompt || !shape_) return false;
  return matches_at_end(shape_, open_line) || matches_at_end(shape_, trimmed);
}

void Prompt::learn(std::string_view answer) {
  const std::size_t start = answer.rfind('\n') + 1;  // npos + 1 == 0
  line_ = core(answer.substr(start));
  host_ = host_of(line_);
  lead_.clear();
  std::string_view before = answer.substr(0, start);
  const std::size_t first_end = before.find('\n');
  before.remove_prefix(first_end == std::string_view::npos ? before.size() : first_end + 1);
  while (!before.empty() && lead_.size() < 3) {
    const std::size_t end = before.find('\n');
    const std::string_view line = trim_right(before.substr(0, end));
    if (!line.empty()) lead_.emplace_back(line);
    before.remove_prefix(end + 1);
  }
}

bool Prompt::same(std::string_view one, std::string_view other) {
  return core(one) == core(other);
}

bool Prompt::is(std::string_view open_line) const {
  const std::string_view line = trim_right(open_line);
  if (line.empty() || line_.empty()) return false;
  if (line == line_) return true;
  if (line.back() != line_.back() && terminators.find(line.back()) == std::string_view::npos) return false;
  if (line.size() > longest_prompt) return false;
  const std::string_view bare = core(line);
  return bare == line_ || other_mode(bare);
}

bool Prompt::other_mode(std::string_view line) const {
  if (host_.empty() || terminators.find(line.back()) == std::string_view::npos) return false;
  // What stands before the name may change its bracket: <HUAWEI>, [HUAWEI], [~HUAWEI].
  const std::size_t before = line_.find(host_);
  if (before > 0) {
    if (line.empty() || (line.front() != line_.front() && line.front() != '[' && line.front() != '<'))
      return false;
    line.remove_prefix(1);
    while (!line.empty() && (line.front() == '~' || line.front() == '*')) line.remove_prefix(1);
  }
  if (!line.starts_with(host_)) return false;
  line.remove_prefix(host_.size());
  if (line.empty()) return false;
  line.remove_suffix(1);  // the terminator
  if (line.ends_with(']')) line.remove_suffix(1);
  line = trim_right(line);
  if (line.empty()) return true;
  if (line.front() == '(') return line.size() <= 64 && line.find(')') == line.size() - 1;
  if (line.front() == ']') line.remove_prefix(1);  // "[admin@host] /ip>"
  if (line.empty()) return true;
  return std::string_view("-:/ ~").find(line.front()) != std::string_view::npos && line.size() <= 64 &&
         line.find_first_of("#>$%<") == std::string_view::npos && line.find(' ', 1) == std::string_view::npos;
}

std::size_t Prompt::find_line(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; !line_.empty() && at < text.size();) {
    if (text.substr(at).starts_with(line_)) return at;
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) break;
    at = end + 1;
  }
  return std::string_view::npos;
}

std::string_view Prompt::trim(std::string_view text) const {
  std::size_t leads = lead_.size();
  for (;;) {
    if (text.empty() || text.back() != '\n') return text;
    const std::size_t start = text.size() < 2 ? 0 : text.rfind('\n', text.size() - 2) + 1;
    const std::string_view line = trim_right(text.substr(start, text.size() - 1 - start));
    const bool twice = line == line_;
    const bool lead = leads > 0 && !line.empty() &&
                      (line == lead_[leads - 1] ||
                       (line.front() == lead_[leads - 1].front() && line.back() == lead_[leads - 1].back() &&
                        std::string_view("{[-").find(line.front()) != std::string_view::npos));
    const bool blank_before_lead = line.empty() && leads < lead_.size();
    if (!twice && !lead && !blank_before_lead) return text;
    if (lead) --leads;
    text = text.substr(0, start);
    if (blank_before_lead) return text;
  }
}

}  // namespace linewatch::connection
