#pragma once
// One thing that is wrong in a configuration, with its place. Plain values; loaders collect all of them in
// one pass.

#include <string>
#include <string_view>
#include <vector>

namespace linewatch::config {

struct Problem {
  enum class Severity { error, warning };
  std::string file;
  int line = 0, column = 0;  // from 1; 0 = the file as a whole (printed as its beginning)
  Severity severity = Severity::error;
  std::string path;  // "routers[2].connection.max_connections"
  std::string text;  // what is wrong (what would be right)

  // file:line:column: error|warning: path: text. One printable line, whatever the file held.
  std::string format() const;
  bool operator==(const Problem&) const = default;
};

using Problems = std::vector<Problem>;

bool has_error(const Problems& problems);

// In the order of the files given, others after them as they appear; then of their places.
void sort_by_place(Problems& problems, const std::vector<std::string>& files = {});

// 'text' as it may stand in a sentence: control characters escaped, long texts cut.
std::string in_quotes(std::string_view text);

}  // namespace linewatch::config
