#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword ping_options[] = {{"count", Means::count, 1, 2147483647},
                                    {"size", Means::size, 28, 65535},
                                    {"interval", Means::milliseconds, 10, 5000},
                                    {"src-address", Means::source},
                                    {"vrf", Means::vrf},
                                    {"do-not-fragment", Means::df},
                                    {"dscp", Means::number, 0, 63}};
constexpr Keyword trace_options[] = {{"count", Means::count, 1, 2147483647},
                                     {"max-hops", Means::number, 1, 255},
                                     {"src-address", Means::source},
                                     {"vrf", Means::vrf}};

// "interval=200ms" and "interval=1s" as milliseconds.
std::string milliseconds(const std::string& text) {
  if (text.ends_with("ms")) return text.substr(0, text.size() - 2);
  if (text.ends_with("s")) return text.substr(0, text.size() - 1) + "000";
  return text + "000";
}

// The words of "192.0.2.1 count=3" or "address=192.0.2.1 count=3": the target, then each name and its value.
std::vector<Word> pairs(std::span<const Word> words) {
  std::vector<Word> split;
  for (const Word& word : words) {
    const std::size_t equals = word.text.find('=');
    const std::string name = word.text.substr(0, equals);
    if (equals == std::string::npos) {
      split.push_back(word);
      continue;
    }
    const Word value{word.text.substr(equals + 1), word.at + equals + 1};
    if (name == "address") {
      split.insert(split.begin(), value);
      continue;
    }
    split.push_back({name, word.at});
    split.push_back(name == "interval" ? Word{milliseconds(value.text), value.at} : value);
  }
  return split;
}

// There is no switch for paging; after each answer comes an empty line.
class Routeros : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override {
    // Options for the console stand in the account's name: "netmon+ct".
    const std::string user = router().user.substr(0, router().user.find('+'));
    return fmt::format("\x1b[9999B[{}@{}] > \x1b[K", user, router().name);
  }
  Pager pager() const override {
    return {"-- [Q quit|D dump|up|down]", "\r" + std::string(26, ' ') + "\r", 'D'};
  }
  std::string greeting() const override {
    return "\n  RouterOS 7.12.1 (simulated by linewatch-sim)\n\nPress F1 for help\n\n\x1b[6n";
  }
  std::string over_limit() const override { return "too many sessions\n"; }

  Reaction run(const std::string& line) override {
    std::string path = line;
    const std::size_t options = std::min(path.find_first_of("=[\""), path.size());
    for (std::size_t i = 0; i < options; ++i) {
      if (path[i] == '/') path[i] = ' ';  // "/tool/ping" is "tool ping"
    }
    const auto words = split_words(path);
    if (words.empty()) return {};
    Reaction reaction = command(words);
    if (!reaction.text.empty() && !reaction.close) reaction.text += "\n";
    return reaction;
  }

 private:
  Reaction command(std::span<const Word> words) {
    const auto is = [&](std::string_view first, std::string_view second) {
      return words.size() > 1 && words[0].text == first && words[1].text == second;
    };
    if (words[0].text == "quit") return {.text = "interrupted\n", .close = true};
    if (words[0].text == "ping") return ping(words.subspan(1));
    if (is("tool", "ping")) return ping(words.subspan(2));
    if (is("tool", "traceroute")) return traceroute(words.subspan(2));
    if (is("system", "resource")) return {.text = inventory("", router().name)};
    if (is("system", "identity")) return {.text = "  name: " + router().name + "\n"};
    return {.text = fmt::format("bad command name {} (line 1 column {})\n", words[0].text, words[0].at + 1)};
  }

  static Reaction rejected(const BadWord& bad) {
    switch (bad.why) {
      case BadWord::Why::incomplete:
        return {.text = "missing value(s) of argument(s) address\n"};
      case BadWord::Why::wrong_parameter:
        return {.text = "value of argument is out of range\n"};
      case BadWord::Why::unrecognized:
      case BadWord::Why::too_many:
        break;
    }
    return {.text = fmt::format("expected end of command (line 1 column {})\n", bad.at + 1)};
  }

  Reaction ping(std::span<const Word> words) {
    constexpr Micros second{1'000'000};
    const PingRequest defaults{.count = {}, .size = 56, .timeout = second};
    const auto split = pairs(words);
    auto request = parse_keywords(defaults, split, 0, {{}, ping_options});
    if (!request) return rejected(request.error());
    request->interval = request->timeout;  // they are one
    request->size = std::max(request->size - (request->ipv6 ? 48 : 28), 0);
    return start_ping(*request, make_routeros_ping);
  }

  Reaction traceroute(std::span<const Word> words) {
    const auto split = pairs(words);
    auto request = parse_keywords({.count = {}}, split, 0, {{}, trace_options});
    if (!request) return rejected(request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) return {.text = "input does not match any value of vrf\n"};
    if (trouble == Trouble::name) {
      return {
          .text =
              "invalid value for argument address:\n    invalid value of mac-address, mac address "
              "required\n    invalid value for argument ipv6-address\n    while resolving ip-address: could "
              "not get answer from dns server\n"};
    }
    return {.text = fmt::format("failure: src-address {} is not local\n", request.source)};
  }
};

}  // namespace

std::unique_ptr<Dialect> make_routeros(const RouterConfig& router, Network& network) {
  return std::make_unique<Routeros>(router, network);
}

}  // namespace linewatch::sim
