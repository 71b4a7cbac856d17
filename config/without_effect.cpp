// The keys that are known and checked but have no effect yet. Whoever makes one work takes its row out.

#include <fmt/format.h>

#include <functional>
#include <set>
#include <tuple>

#include "config/loading.hpp"

namespace linewatch::config {

namespace {

// Where a row's key may stand.
enum class Where {
  file,  // the main file
  line,  // lines[], defaults.line, routers[].defaults.line
};

constexpr std::string_view usual = "has no effect yet in this version";
constexpr std::string_view no_tls =
    "TLS is not in this version yet; nothing is sent to this server rather than sent in the clear";

struct Row {
  Where where;
  std::string_view key;          // below that place, '.' goes down
  std::string_view silent = "";  // the written value that is what happens anyway
  std::string_view text = usual;
};

constexpr Row rows[] = {
    {Where::file, "agent.threads", "1"},
    {Where::file, "agent.listen"},
    {Where::file, "zabbix.tls.connect", "unencrypted", no_tls},
    {Where::file, "zabbix.servers[].tls.connect", "unencrypted", no_tls},
    {Where::file, "zabbix.buffer.disk"},
    {Where::file, "zabbix.buffer.replay"},
    {Where::file, "zabbix.buffer.synchronous"},
    {Where::file, "zabbix.discovery_hold"},
    {Where::file, "zabbix.keys", "{}"},
    {Where::line, "group"},
    {Where::line, "role"},
    {Where::line, "labels", "{}", "is only typed where a task's command says {label.NAME} in this version"},
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

class Warner {
 public:
  explicit Warner(const Loading& loading) : problems_(loading.problems) {
    for (const Problem& problem : problems_) wrong_.insert(place(problem));
    for (const Task& task : loading.settings.tasks) {
      for (const auto& [platform, commands] : task.commands) {
        for (const std::string& command : commands) types_labels_ |= command.contains("{label.");
      }
    }
  }

  void look(Where where, YamlNode map, const Spot& spot) {
    for (const Row& row : rows) {
      if (row.where != where || (types_labels_ && row.key == "labels")) continue;
      follow(map, row.key, spot, [&](YamlNode node, const Spot& at) {
        if (is_silent(node, row.silent)) return;
        Problem problem = problem_at(node, Problem::Severity::warning, at.path(), std::string(row.text));
        if (!wrong_.contains(place(problem))) problems_.push_back(std::move(problem));
      });
    }
  }

 private:
  using Spelled = std::tuple<std::string, int, int>;
  static Spelled place(const Problem& problem) { return {problem.file, problem.line, problem.column}; }

  Problems& problems_;
  std::set<Spelled>
      wrong_;  // what is wrong there is said already; that it has no effect besides helps nobody
  bool types_labels_ = false;  // a task does
};

}  // namespace

void warn_of_keys_without_effect(const Loading& loading) {
  Warner warner(loading);
  for (const Source& source : loading.sources) {
    const YamlNode root = source.document.root();
    const Spot top;
    const auto each = [&](Where where, std::string_view key) {
      follow(root, key, top, [&](YamlNode node, const Spot& spot) { warner.look(where, node, spot); });
    };
    each(Where::file, "");
    for (const char* key : {"defaults.line", "routers[].defaults.line", "lines[]"}) each(Where::line, key);
  }
}

}  // namespace linewatch::config
