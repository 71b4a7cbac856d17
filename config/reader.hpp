#pragma once
// Reads a map of the document key by key into typed values and writes down every problem with its place and
// path. It remembers which keys were asked for; finish() reports the others. A small stack object: nested
// readers refer to the one around them, which must outlive them.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.hpp"
#include "config/duration.hpp"
#include "config/problem.hpp"

namespace linewatch::config {

class Reader {
 public:
  Reader(YamlNode map, Problems& problems);                                     // a file's root
  Reader(const Reader& around, std::string_view key, YamlNode map);             // around.key
  Reader(const Reader& around, std::string_view key, int index, YamlNode map);  // around.key[index]
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // A value that is no map was reported by the constructor and reads as empty; false then.
  bool ok() const { return map_ || empty_; }
  YamlNode map() const { return map_; }
  Problems& problems() const { return problems_; }

  // The value of a key, nothing if it is not there. A null (`key:`, `key: null`) is a value here.
  YamlNode find(std::string_view key);
  bool written(std::string_view key);  // there, and not null
  bool required(std::string_view key,
                std::string_view right);  // reports "missing (right)" if it is not written

  // Each leaves `out` as it is and returns false if the key is absent, null or wrong (then reported).
  bool text(std::string_view key, std::string& out);  // exactly as written
  bool boolean(std::string_view key, bool& out);
  bool duration(std::string_view key, Duration& out, Duration least = Duration(0),
                Duration most = std::chrono::days{3650});
  bool octets(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most);
  bool number(std::string_view key, double& out, double least, double most);
  bool percent(std::string_view key, double& out);
  bool texts(std::string_view key, std::vector<std::string>& out);  // a list of texts, or one text

  template <std::integral T>
  bool integer(std::string_view key, T& out, std::int64_t least, std::int64_t most) {
    std::int64_t value = 0;
    if (!whole(key, value, least, most)) return false;
    out = static_cast<T>(value);
    return true;
  }

  // One of a few words: word("policy", out, {{"strict", Policy::strict}, ...}).
  template <typename E>
  bool word(std::string_view key, E& out, std::initializer_list<std::pair<std::string_view, E>> words) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : words) names.push_back(name);
    const int found = one_of(key, names);
    if (found < 0) return false;
    out = (words.begin() + found)->second;
    return true;
  }

  // A text that may be taken back: null or "" empties what a default had set.
  bool text_or_none(std::string_view key, std::string& out);

  // The value if it is a list (a map); otherwise nothing, reported unless absent or null.
  YamlNode list(std::string_view key);
  YamlNode submap(std::string_view key);

  // At the key's value, or at the map if the key does not stand in it.
  void error(std::string_view key, std::string text) const;
  void warning(std::string_view key, std::string text) const;
  // At an item of the list under a key.
  void error(std::string_view key, int index, YamlNode item, std::string text) const;
  // At the map itself.
  void error(std::string text) const;

  // In this map an unknown key may be a piece of a secret ({password: ab,cd}): it is not repeated unless it
  // is nearly a known name.
  void holds_secrets() { secrets_ = true; }

  // For keys that are known here but belong elsewhere; `text` is then the problem instead of "unknown key".
  void misplaced(std::string_view key, std::string_view text);

  // Reports every key that nobody asked for.
  void finish();

  std::string path() const;
  std::string path(std::string_view key) const;

 private:
  bool whole(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most);
  int one_of(std::string_view key, std::span<const std::string_view> words);
  YamlNode scalar(std::string_view key, std::string_view right);
  void check_map();
  void add(Problem::Severity severity, std::string_view key, std::string text) const;

  Problems& problems_;
  const Reader* around_ = nullptr;
  std::string_view key_;
  int index_ = -1;
  YamlNode origin_;  // what stands there, be it a map or not
  YamlNode map_;
  bool empty_ = false;  // null: a map without keys
  bool secrets_ = false;
  std::vector<std::string> known_;  // short: mostly no allocation each
};

// "missing", "a list", ... as it reads after "must be ..., not ".
std::string_view kind_name(YamlNode node);

// A problem at a node's place.
Problem problem_at(YamlNode node, Problem::Severity severity, std::string path, std::string text);

// " (did you mean 'x'?)" or " (known are: a, b, c)" or nothing.
std::string suggestion(std::string_view name, std::span<const std::string_view> known);

}  // namespace linewatch::config
