#include "tests/sim/router/keywords.hpp"

#include <algorithm>

#include "tests/sim/router/reader.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;
using Why = BadWord::Why;

const Keyword* find(std::span<const Keyword> keywords, const std::string& word) {
  const Keyword* found = nullptr;
  for (const Keyword& keyword : keywords) {
    if (word == keyword.text) return &keyword;
    if (!found && abbreviates(word, keyword.text, 3)) found = &keyword;
  }
  return found;
}

std::string unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

void apply(PingRequest& request, std::optional<bool>& ipv6, const Keyword& keyword, Reader& reader) {
  switch (keyword.means) {
    case Means::count:
      request.count = reader.number(keyword.min, keyword.max);
      break;
    case Means::size:
      request.size = reader.number(keyword.min, keyword.max);
      break;
    case Means::seconds:
      request.timeout = std::chrono::seconds(reader.number(keyword.min, keyword.max));
      break;
    case Means::milliseconds:
      request.timeout = std::chrono::milliseconds(reader.number(keyword.min, keyword.max));
      break;
    case Means::interval:
      request.interval = std::chrono::seconds(reader.number(keyword.min, keyword.max));
      break;
    case Means::source:
      request.source = reader.interface();
      break;
    case Means::vrf:
      request.vrf = unquoted(reader.text());
      break;
    case Means::df:
      request.df = true;
      break;
    case Means::ipv4:
    case Means::ipv6:
      ipv6 = keyword.means == Means::ipv6;
      break;
    case Means::number:
      reader.number(keyword.min, keyword.max);
      break;
    case Means::two_numbers:
      reader.number(keyword.min, keyword.max);
      reader.number(keyword.min, keyword.max);
      break;
    case Means::text:
      reader.text();
      break;
    case Means::flag:
      break;
  }
}

}  // namespace

ParsedPing parse_keywords(PingRequest defaults, std::span<const Word> words, std::size_t end,
                          const Syntax& syntax) {
  Reader reader(words, end);
  PingRequest request = std::move(defaults);
  std::optional<bool> ipv6;
  while (!reader.done() && !reader.failure()) {
    const Keyword* keyword = find(syntax.before, reader.peek().text);
    if (!keyword) break;
    reader.take();
    apply(request, ipv6, *keyword, reader);
  }
  request.target = reader.text();
  while (!reader.done() && !reader.failure()) {
    const Word& word = reader.take();
    const Keyword* keyword = find(syntax.behind, word.text);
    if (!keyword) {
      reader.fail(Why::unrecognized, word.at);
    } else {
      apply(request, ipv6, *keyword, reader);
    }
  }
  if (reader.failure()) return std::unexpected(*reader.failure());
  request.ipv6 = ipv6.value_or(request.ipv6 || is_ipv6_text(request.target));
  return request;
}

}  // namespace linewatch::sim
