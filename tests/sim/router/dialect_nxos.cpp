#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

// A source interface has a word of its own.
constexpr Keyword ping_behind[] = {{"count", Means::count, 1, 655350},
                                   {"packet-size", Means::size, 1, 65468},
                                   {"timeout", Means::seconds, 1, 60},
                                   {"interval", Means::interval, 1, 60},
                                   {"source", Means::source},
                                   {"source-interface", Means::source},
                                   {"vrf", Means::vrf},
                                   {"df-bit", Means::df}};
constexpr Keyword trace_behind[] = {
    {"vrf", Means::vrf}, {"source", Means::source}, {"source-interface", Means::source}};

class Nxos : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override { return router().name + "# "; }
  Pager pager() const override { return {"--More--", "\r" + std::string(8, ' ') + "\r"}; }
  std::string greeting() const override {
    return "Nexus Operating System (NX-OS) Software, simulated by linewatch-sim\nNobody claims rights to "
           "show "
           "here.\n";
  }
  std::string over_limit() const override { return "Maximum number of vty sessions reached.\n"; }
  std::string interrupt_echo() const override { return "^C\n"; }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (verb[0] == '!') return {};
    if (abbreviates(verb, "exit", 2) || abbreviates(verb, "logout", 3)) return {.close = true};
    if (verb == "ping" || verb == "ping6") return ping(line, words);
    if (verb == "traceroute" || verb == "traceroute6") return traceroute(line, words);
    if (abbreviates(verb, "terminal", 4)) return terminal(line, words);
    if (abbreviates(verb, "show", 2)) return show(line, words);
    return rejected({BadWord::Why::unrecognized, words[0].at});
  }

 private:
  // Both lines are indented to the word.
  Reaction rejected(const BadWord& bad) const {
    const std::string indent(prompt().size() + bad.at, ' ');
    const char* what = bad.why == BadWord::Why::incomplete        ? "Incomplete command"
                       : bad.why == BadWord::Why::wrong_parameter ? "Invalid number"
                                                                  : "Invalid command";
    return {.text = fmt::format("{0}^\n{0}% {1} at '^' marker.\n", indent, what)};
  }

  Reaction terminal(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 3) return rejected({BadWord::Why::incomplete, line.size()});
    const bool length = abbreviates(words[1].text, "length");
    if (!length && !abbreviates(words[1].text, "width"))
      return rejected({BadWord::Why::unrecognized, words[1].at});
    const auto value = parse_number<int>(words[2].text, length ? 0 : 24, 511);
    if (!value) return rejected({BadWord::Why::wrong_parameter, words[2].at});
    if (length) return {.page_length = *value};
    return {};
  }

  Reaction show(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "version", 3))
      return {.text = inventory("NX-OS (simulated), version 10.2(5)\n\n", router().name)};
    if (abbreviates(words[1].text, "clock", 2))
      return {.text = "12:00:00.000 UTC Mon Jan 01 2024\nTime source is NTP\n"};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    const PingRequest defaults{.ipv6 = words[0].text == "ping6", .size = 56};
    auto request = parse_keywords(defaults, words.subspan(1), line.size(), {{}, ping_behind});
    if (!request) return rejected(request.error());
    if (request->ipv6 != defaults.ipv6) return complaint(Trouble::name, *request);
    return start_ping(*request, make_nxos_ping);
  }

  Reaction traceroute(const std::string& line, std::span<const Word> words) {
    const PingRequest defaults{.ipv6 = words[0].text == "traceroute6", .count = {}};
    auto request = parse_keywords(defaults, words.subspan(1), line.size(), {{}, trace_behind});
    if (!request) return rejected(request.error());
    if (request->ipv6 != defaults.ipv6) return complaint(Trouble::name, *request);
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) return {.text = fmt::format("ERROR: VRF {} does not exist\n", request.vrf)};
    if (trouble == Trouble::name)
      return {.text = fmt::format("% Invalid host/interface {}\n", request.target)};
    return {.text = fmt::format("ping: can't bind to address {}\n", request.source)};
  }
};

}  // namespace

std::unique_ptr<Dialect> make_nxos(const RouterConfig& router, Network& network) {
  return std::make_unique<Nxos>(router, network);
}

}  // namespace linewatch::sim
