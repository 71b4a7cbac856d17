// The keys that are known and checked but have no effect yet. Whoever makes one work takes its row out.

#include <fmt/format.h>

#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "config/loading.hpp"

namespace linewatch::config {

namespace {

constexpr std::string_view usual = "has no effect yet in this version";

struct Row {
  std::string_view key;          // in the main file; '.' goes down
  std::string_view silent = "";  // the written value that is what happens anyway
  std::string_view text = usual;
};

constexpr Row rows[] = {
    {"agent.threads", "1"},
    {"agent.listen"},
};

// A place in the tree with the way to it, spelled only when it is needed.
struct Spot {
  const Spot* around = nullptr;
  std::string_view key;
  int index = -1;
  std::string path() const {
    std::string out = around ? around->path() : "";
    if (index >= 0) return out + fmt::format("[{}]", index);
    if (!out.empty() && !key.empty()) out += '.';
    return out += key;
  }
};

bool is_silent(YamlNode node, std::string_view silent) {
  if (node.is_null()) return true;
  if (node.is_scalar()) return node.text() == silent;
  return node.size() == 0;
}

// Follows "a.b[].c" from a map; calls `found` with each value that stands there.
void follow(YamlNode node, std::string_view key, const Spot& spot,
            const std::function<void(YamlNode, const Spot&)>& found) {
  if (!node || key.empty()) {
    if (node) found(node, spot);
    return;
  }
  std::size_t end = std::min(key.find('.'), key.size());
  std::string_view step = key.substr(0, end);
  const std::string_view rest = key.substr(std::min(end + 1, key.size()));
  const bool every = step.ends_with("[]");
  if (every) step.remove_suffix(2);
  const YamlNode below = node.find(step);
  const Spot down{&spot, step};
  if (!every) return follow(below, rest, down, found);
  if (!below || !below.is_list()) return;
  int index = 0;
  for (const YamlNode item : below) {
    const Spot at{&down, "", index++};
    follow(item, rest, at, found);
  }
}

// Of one file. Each row is said once, where it stands first.
class Warner {
 public:
  using Spots = std::set<std::pair<int, int>>;  // line and column

  // `wrong`: what is wrong there is said already; that it has no effect besides helps nobody.
  explicit Warner(const Spots& wrong) : wrong_(wrong) {}

  void look_at_file(YamlNode root, const Spot& spot) {
    for (std::size_t row = 0; row < std::size(rows); ++row)
      follow(root, rows[row].key, spot, [&](YamlNode node, const Spot& at) { note(row, node, at); });
  }

  void say(Problems& problems) {
    for (std::size_t row = 0; row < std::size(rows); ++row) {
      if (found_[row].times == 0) continue;
      Problem& problem = problems.emplace_back(std::move(found_[row].first));
      problem.text = rows[row].text;
      if (found_[row].times > 1) problem.text += fmt::format(" ({} times in this file)", found_[row].times);
    }
  }

 private:
  struct Found {
    int times = 0;
    Problem first;
  };

  void note(std::size_t row, YamlNode node, const Spot& at) {
    if (is_silent(node, rows[row].silent)) return;
    if (!wrong_.empty() && wrong_.contains({node.line(), node.column()})) return;
    Found& found = found_[row];
    const bool before =
        std::pair(node.line(), node.column()) < std::pair(found.first.line, found.first.column);
    if (found.times++ == 0 || before)
      found.first = problem_at(node, Problem::Severity::warning, at.path(), "");
  }

  const Spots& wrong_;
  Found found_[std::size(rows)];
};

}  // namespace

void warn_of_keys_without_effect(const Loading& loading) {
  std::map<std::string, Warner::Spots> wrong;
  for (const Problem& problem : loading.problems) wrong[problem.file].emplace(problem.line, problem.column);
  for (const Source& source : loading.sources) {
    Warner warner(wrong[source.document.file()]);
    const Spot top;
    warner.look_at_file(source.document.root(), top);
    warner.say(loading.problems);
  }
}

}  // namespace linewatch::config
