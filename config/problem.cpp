#include "config/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "config/printable.hpp"

namespace linewatch::config {

std::string Problem::format() const {
  return printable(fmt::format("{}:{}:{}: {}: {}{}{}", file, std::max(line, 1), std::max(column, 1),
                               severity == Severity::error ? "error" : "warning", path,
                               path.empty() ? "" : ": ", text));
}

bool has_error(const Problems& problems) {
  return std::ranges::any_of(
      problems, [](const Problem& problem) { return problem.severity == Problem::Severity::error; });
}

void sort_by_place(Problems& problems, const std::vector<std::string>& first_files) {
  std::map<std::string, std::size_t> files;
  for (const std::string& file : first_files) files.try_emplace(file, files.size());
  std::vector<std::tuple<std::size_t, int, int, std::size_t>> order;
  for (const Problem& problem : problems) {
    const std::size_t file = files.try_emplace(problem.file, files.size()).first->second;
    order.emplace_back(file, problem.line, problem.column, order.size());
  }
  std::ranges::sort(order);
  Problems sorted;
  sorted.reserve(problems.size());
  for (const auto& place : order) sorted.push_back(std::move(problems[std::get<3>(place)]));
  problems = std::move(sorted);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  if (text.size() <= longest) return "'" + printable(text) + "'";
  std::size_t cut = longest;  // never inside a UTF-8 character
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return "'" + printable(text.substr(0, cut)) + "...'";
}

}  // namespace linewatch::config
