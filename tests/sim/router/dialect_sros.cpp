#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword ping_md[] = {{"router-instance", Means::vrf},      {"source-address", Means::source},
                               {"count", Means::count, 1, 100000},   {"timeout", Means::seconds, 1, 10},
                               {"interval", Means::interval, 1, 10}, {"size", Means::size, 0, 16384},
                               {"do-not-fragment", Means::df},       {"tos", Means::number, 0, 255}};
constexpr Keyword ping_classic[] = {{"router", Means::vrf},
                                    {"source", Means::source},
                                    {"count", Means::count, 1, 100000},
                                    {"timeout", Means::seconds, 1, 10},
                                    {"interval", Means::interval, 1, 10},
                                    {"size", Means::size, 0, 16384},
                                    {"do-not-fragment", Means::df},
                                    {"tos", Means::number, 0, 255}};
constexpr Keyword trace_md[] = {{"router-instance", Means::vrf},
                                {"source-address", Means::source},
                                {"ttl", Means::number, 1, 255},
                                {"wait", Means::number, 10, 60000}};
constexpr Keyword trace_classic[] = {{"router", Means::vrf},
                                     {"source", Means::source},
                                     {"ttl", Means::number, 1, 255},
                                     {"wait", Means::number, 10, 60000},
                                     {"no-dns", Means::flag}};

// The MD-CLI, whose prompt has an empty line and its place in the tree above it, and the classic command
// line.
class Sros : public Dialect {
 public:
  Sros(const RouterConfig& router, Network& network)
      : Dialect(router, network), classic_(router.platform == PlatformKind::nokia_sros_classic) {}

  std::string prompt() const override { return (classic_ ? "" : "\n[/]\n") + own_prompt(); }
  Pager pager() const override {
    return {"Press any key to continue (Q to quit)", "\r" + std::string(37, ' ') + "\r"};
  }
  std::string greeting() const override { return "\nTiMOS 22.10.R4 (simulated)\n\n"; }
  std::string over_limit() const override { return "MINOR: maximum number of sessions reached\n"; }
  std::string interrupt_echo() const override { return "^C\n"; }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (verb == "logout") return {.close = true};
    if (verb == "exit") return {};  // to the root, where it already is
    if (verb == "ping") return ping(line, words);
    if (verb == "traceroute") return traceroute(line, words);
    if (verb == "environment") return environment(line, words);
    if (verb == "show") return show(line, words);
    return rejected(words, {BadWord::Why::unrecognized, words[0].at}, true);
  }

 private:
  std::string own_prompt() const {
    return classic_ ? fmt::format("A:{}# ", router().name)
                    : fmt::format("A:{}@{}# ", router().user, router().name);
  }

  Reaction rejected(std::span<const Word> words, const BadWord& bad, bool command = false) const {
    std::string word;
    for (const Word& one : words) {
      if (one.at == bad.at) word = one.text;
    }
    const std::string indent(own_prompt().size() + bad.at, ' ');
    if (classic_) {
      const char* what = bad.why == BadWord::Why::incomplete ? "Missing parameter"
                         : command                           ? "Bad command"
                                                             : "Invalid parameter";
      return {.text = fmt::format("{}^\nError: {}. \n", indent, what)};
    }
    const std::string carets(std::max<std::size_t>(word.size(), 1), '^');
    if (bad.why == BadWord::Why::incomplete)
      return {.text = indent + "^\nMINOR: MGMT_CORE #2200: Missing element value\n"};
    if (bad.why == BadWord::Why::wrong_parameter)
      return {.text = fmt::format("{}{}\nMINOR: MGMT_CORE #2301: Invalid element value - '{}'\n", indent,
                                  carets, word)};
    return {.text =
                fmt::format("{}{}\nMINOR: MGMT_CORE #2201: Unknown element - '{}'\n", indent, carets, word)};
  }

  Reaction environment(const std::string& line, std::span<const Word> words) const {
    const auto says = [&](std::initializer_list<std::string_view> rest) {
      return std::ranges::equal(words.subspan(1), rest, {}, &Word::text);
    };
    if (words.size() < 3) return rejected(words, {BadWord::Why::incomplete, line.size()});
    if (classic_ ? says({"no", "more"}) : says({"more", "false"})) return {.page_length = 0};
    const bool width = words.size() == 4 && words[1].text == (classic_ ? "terminal" : "console") &&
                       words[2].text == "width" && parse_number<int>(words[3].text, 80, 512);
    return width ? Reaction{} : rejected(words, {BadWord::Why::unrecognized, words[1].at});
  }

  Reaction show(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected(words, {BadWord::Why::incomplete, line.size()});
    if (words[1].text == "version" || words[1].text == "chassis")
      return {.text = inventory("TiMOS-C-22.10.R4 (simulated)\n", router().name)};
    return rejected(words, {BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    constexpr Micros second{1'000'000};
    const PingRequest defaults{.size = 56, .timeout = 5 * second, .interval = second};
    const std::span<const Keyword> behind = classic_ ? std::span<const Keyword>(ping_classic) : ping_md;
    auto request = parse_keywords(defaults, words.subspan(1), line.size(), {{}, behind});
    if (!request) return rejected(words, request.error());
    return start_ping(*request, make_sros_ping);
  }

  Reaction traceroute(const std::string& line, std::span<const Word> words) {
    const std::span<const Keyword> behind = classic_ ? std::span<const Keyword>(trace_classic) : trace_md;
    auto request = parse_keywords({.count = {}}, words.subspan(1), line.size(), {{}, behind});
    if (!request) return rejected(words, request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) {
      return {.text = classic_ ? fmt::format("MINOR: CLI Invalid router \"{}\".\n", request.vrf)
                               : fmt::format("MINOR: CLI #2005: Router instance '{}' does not exist\n",
                                             request.vrf)};
    }
    if (trouble == Trouble::name) {
      return {.text = classic_ ? fmt::format("MINOR: CLI Unable to resolve host {}.\n", request.target)
                               : fmt::format("MINOR: CLI #2007: Could not resolve host name - {}\n",
                                             request.target)};
    }
    std::string text = fmt::format("PING {} {} data bytes\n", request.target, request.size);
    const int count = request.count.value_or(1);
    for (int i = 0; i < count; ++i) text += "Send failed. Source IP address is not local to the system\n";
    text += fmt::format("\n---- {} PING Statistics ----\n", request.target);
    return {.text =
                text + fmt::format("{} packets transmitted, 0 packets received, 100% packet loss\n", count)};
  }

  bool classic_;
};

}  // namespace

std::unique_ptr<Dialect> make_sros(const RouterConfig& router, Network& network) {
  return std::make_unique<Sros>(router, network);
}

}  // namespace linewatch::sim
