#include "config/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/nearest.hpp"

namespace linewatch::config {

std::string_view kind_name(YamlNode node) {
  if (!node) return "missing";
  switch (node.kind()) {
    case YamlNode::Kind::null:
      return "empty";
    case YamlNode::Kind::scalar:
      return "a single value";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
  }
  return "";
}

Problem problem_at(YamlNode node, Problem::Severity severity, std::string path, std::string text) {
  return {.file = node.file(),
          .line = node.line(),
          .column = node.column(),
          .severity = severity,
          .path = std::move(path),
          .text = std::move(text)};
}

std::string suggestion(std::string_view name, std::span<const std::string_view> known) {
  if (const auto near = nearest(name, known)) return fmt::format(" (did you mean {}?)", in_quotes(*near));
  if (known.empty() || known.size() > 12) return "";
  return fmt::format(" (known: {})", fmt::join(known, ", "));
}

Reader::Reader(YamlNode map, Problems& problems) : problems_(problems), map_(map) {
  check_map();
}

Reader::Reader(const Reader& around, std::string_view key, YamlNode map)
    : problems_(around.problems_), around_(&around), key_(key), map_(map) {
  check_map();
}

Reader::Reader(const Reader& around, std::string_view key, int index, YamlNode map)
    : problems_(around.problems_), around_(&around), key_(key), index_(index), map_(map) {
  check_map();
}

void Reader::check_map() {
  origin_ = map_;
  if (map_ && map_.is_map()) return;
  empty_ = !map_ || (map_.is_null() && index_ < 0);
  if (!empty_) {
    problems_.push_back(problem_at(map_, Problem::Severity::error, path(),
                                   fmt::format("must be a map (key: value), not {}", kind_name(map_))));
  }
  map_ = {};
}

std::string Reader::path() const {
  if (!around_) return "";
  std::string out = around_->path(key_);
  if (index_ >= 0) out += fmt::format("[{}]", index_);
  return out;
}

std::string Reader::path(std::string_view key) const {
  std::string out = path();
  if (!out.empty() && !key.empty()) out += '.';
  out += key.substr(0, 100);
  return out;
}

YamlNode Reader::find(std::string_view key) {
  if (!map_) return {};  // nothing that could be unknown, either
  if (known_.empty()) known_.reserve(24);
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  return map_.find(key);
}

bool Reader::written(std::string_view key) {
  const YamlNode node = find(key);
  return node && !node.is_null();
}

bool Reader::required(std::string_view key, std::string_view right) {
  if (written(key)) return true;
  if (ok()) error(key, fmt::format("missing ({})", right));
  return false;
}

void Reader::add(Problem::Severity severity, std::string_view key, std::string text) const {
  YamlNode place = map_.find(key);
  if (!place) place = origin_;
  for (const Reader* around = around_; !place && around; around = around->around_) place = around->origin_;
  Problem problem{.severity = severity, .path = path(key), .text = std::move(text)};
  if (place) {
    problem.file = place.file();
    problem.line = place.line();
    problem.column = place.column();
  }
  problems_.push_back(std::move(problem));
}

void Reader::error(std::string_view key, std::string text) const {
  add(Problem::Severity::error, key, std::move(text));
}
void Reader::warning(std::string_view key, std::string text) const {
  add(Problem::Severity::warning, key, std::move(text));
}
void Reader::error(std::string text) const {
  add(Problem::Severity::error, "", std::move(text));
}
void Reader::error(std::string_view key, int index, YamlNode item, std::string text) const {
  problems_.push_back(
      problem_at(item, Problem::Severity::error, fmt::format("{}[{}]", path(key), index), std::move(text)));
}

YamlNode Reader::scalar(std::string_view key, std::string_view right) {
  const YamlNode node = find(key);
  if (!node || node.is_null()) return {};
  if (node.is_scalar()) return node;
  error(key, fmt::format("must be {}, not {}", right, kind_name(node)));
  return {};
}

bool Reader::text(std::string_view key, std::string& out) {
  const YamlNode node = scalar(key, "a text");
  if (!node) return false;
  out = node.text();
  return true;
}

bool Reader::text_or_none(std::string_view key, std::string& out) {
  const YamlNode node = find(key);
  if (node && node.is_null()) out.clear();
  return text(key, out);
}

bool Reader::boolean(std::string_view key, bool& out) {
  const YamlNode node = scalar(key, "true or false");
  if (!node) return false;
  const bool yes = node.text() == "true";
  if (node.quoted() || (!yes && node.text() != "false")) {
    error(key, fmt::format("{} is neither true nor false (write one of these, without quotes)",
                           in_quotes(node.text())));
    return false;
  }
  out = yes;
  return true;
}

bool Reader::whole(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most) {
  const YamlNode node = scalar(key, "a whole number");
  if (!node) return false;
  const std::string_view written = node.text();
  if (node.quoted()) {
    error(key, fmt::format("{} is a text, not a number (write it without quotes)", in_quotes(written)));
    return false;
  }
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(written.data(), written.data() + written.size(), value);
  const std::string_view digits = written.starts_with('-') ? written.substr(1) : written;
  const bool plain = end == written.data() + written.size() && !digits.empty() &&
                     (digits.size() == 1 || digits.front() != '0');  // 010: some read it as octal
  if (!plain || failed == std::errc::invalid_argument) {
    error(key,
          fmt::format("{} is no whole number (write one from {} to {})", in_quotes(written), least, most));
    return false;
  }
  if (failed != std::errc() || value < least || value > most) {
    error(key, fmt::format("{} is out of range (write a whole number from {} to {})", in_quotes(written),
                           least, most));
    return false;
  }
  out = value;
  return true;
}

bool Reader::number(std::string_view key, double& out, double least, double most) {
  const YamlNode node = scalar(key, "a number");
  if (!node) return false;
  const std::string_view written = node.text();
  double value = 0;
  const auto [end, failed] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (node.quoted() || failed != std::errc() || end != written.data() + written.size() ||
      !(value >= least && value <= most)) {
    error(key, fmt::format("{} is not a number from {} to {}", in_quotes(written), least, most));
    return false;
  }
  out = value;
  return true;
}

bool Reader::percent(std::string_view key, double& out) {
  const YamlNode node = scalar(key, "a percentage");
  if (!node) return false;
  const std::string_view written = node.text();
  double value = 0;
  const auto [end, failed] = std::from_chars(written.data(), written.data() + written.size(), value);
  if (failed == std::errc() && end == written.data() + written.size()) {
    error(key, fmt::format("a number without a unit (write {}%)", written.substr(0, 20)));
    return false;
  }
  if (failed != std::errc() || std::string_view(end, written.data() + written.size()) != "%" ||
      !(value >= 0 && value <= 100)) {
    error(key, fmt::format("{} is no percentage (write one from 0% to 100%)", in_quotes(written)));
    return false;
  }
  out = value;
  return true;
}

bool Reader::duration(std::string_view key, Duration& out, Duration least, Duration most) {
  const YamlNode node = scalar(key, "a duration");
  if (!node) return false;
  const auto value = parse_duration(node.text());
  if (!value) {
    error(key, value.error());
    return false;
  }
  if (*value < least || *value > most) {
    error(key, fmt::format("{} is out of range (write a duration from {} to {})", in_quotes(node.text()),
                           format_duration(least), format_duration(most)));
    return false;
  }
  out = *value;
  return true;
}

bool Reader::octets(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) {
  const YamlNode node = scalar(key, "a size");
  if (!node) return false;
  const auto value = parse_size(node.text());
  if (!value) {
    error(key, value.error());
    return false;
  }
  if (*value < least || *value > most) {
    error(key, fmt::format("{} is out of range ({}B to {}B)", in_quotes(node.text()), least, most));
    return false;
  }
  out = *value;
  return true;
}

int Reader::one_of(std::string_view key, std::span<const std::string_view> words) {
  const YamlNode node = scalar(key, fmt::format("one of {}", fmt::join(words, ", ")));
  if (!node) return -1;
  const auto found = std::ranges::find(words, node.text());
  if (found != words.end()) return static_cast<int>(found - words.begin());
  error(key, fmt::format("unknown word {} (write {})", in_quotes(node.text()), fmt::join(words, " or ")));
  return -1;
}

bool Reader::texts(std::string_view key, std::vector<std::string>& out) {
  const YamlNode node = find(key);
  if (!node || node.is_null()) return false;
  if (node.is_scalar()) {
    out.assign(1, std::string(node.text()));
    return true;
  }
  if (!node.is_list()) {
    error(key, fmt::format("must be a text or a list of texts, not {}", kind_name(node)));
    return false;
  }
  std::vector<std::string> read;
  bool good = true;
  int index = 0;
  for (const YamlNode item : node) {
    if (item.is_scalar()) {
      read.emplace_back(item.text());
    } else {
      error(key, index, item, fmt::format("must be a text, not {}", kind_name(item)));
      good = false;
    }
    ++index;
  }
  if (good) out = std::move(read);
  return good;
}

YamlNode Reader::list(std::string_view key) {
  const YamlNode node = find(key);
  if (!node || node.is_null()) return {};
  if (node.is_list()) return node;
  error(key, fmt::format("must be a list (- item), not {}", kind_name(node)));
  return {};
}

YamlNode Reader::submap(std::string_view key) {
  const YamlNode node = find(key);
  if (!node || node.is_null()) return {};
  if (node.is_map()) return node;
  error(key, fmt::format("must be a map (key: value), not {}", kind_name(node)));
  return {};
}

void Reader::misplaced(std::string_view key, std::string_view text) {
  if (const YamlNode node = find(key)) {
    problems_.push_back({.file = node.file(),
                         .line = node.key_line(),
                         .column = node.key_column(),
                         .path = path(key),
                         .text = std::string(text)});
  }
}

void Reader::finish() {
  if (!map_) return;
  for (const YamlNode child : map_) {
    const std::string_view key = child.key();
    if (std::ranges::find(known_, key) != known_.end()) continue;
    const std::vector<std::string_view> known(known_.begin(), known_.end());
    Problem problem{.file = child.file(), .line = child.key_line(), .column = child.key_column()};
    if (!secrets_) {
      problem.path = path(key);
      problem.text = fmt::format("unknown key {}{}", in_quotes(key), suggestion(key, known));
    } else {
      problem.path = path();
      const auto near = nearest(key, known);
      problem.text =
          near ? fmt::format("unknown key (did you mean {}?)", in_quotes(*near))
               : "unknown key, not shown since it may be part of a secret (quote a text that holds , : or #)";
    }
    problems_.push_back(std::move(problem));
  }
}

}  // namespace linewatch::config
