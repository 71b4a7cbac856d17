#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword trace_before[] = {{"vrf", Means::vrf}, {"ip", Means::ipv4}, {"ipv6", Means::ipv6}};
constexpr Keyword trace_behind[] = {{"source", Means::source},
                                    {"numeric", Means::flag},
                                    {"timeout", Means::seconds, 0, 3600},
                                    {"probe", Means::count, 1, 65535},
                                    {"ttl", Means::two_numbers, 0, 255}};

class Ios : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override { return router().name + (privileged_ ? "#" : ">"); }
  Pager pager() const override {
    return {" --More-- ", std::string(9, '\b') + std::string(9, ' ') + std::string(9, '\b')};
  }
  std::string over_limit() const override { return "% Session limit reached: all VTY lines are in use.\n"; }
  std::string interrupt_echo() const override { return {}; }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (verb[0] == '!') return {};
    if (abbreviates(verb, "exit", 2) || abbreviates(verb, "logout", 3) || abbreviates(verb, "quit", 1)) {
      return {.close = true};
    }
    if (abbreviates(verb, "ping", 1)) return ping(line, words);
    if (abbreviates(verb, "traceroute", 2)) return traceroute(line, words);
    if (abbreviates(verb, "terminal", 2)) return terminal(line, words);
    if (abbreviates(verb, "show", 2)) return show(line, words);
    if (abbreviates(verb, "enable", 2) && !privileged_) return {.question = "Password: ", .hidden = true};
    if (abbreviates(verb, "enable", 2) || verb == "end") return {};
    if (abbreviates(verb, "disable", 4)) privileged_ = false;
    if (abbreviates(verb, "disable", 4)) return {};
    return rejected({BadWord::Why::unrecognized, words[0].at});
  }

  // Asked three times, as IOS does.
  Reaction answer(const std::string& line) override {
    privileged_ = line == router().enable_password;
    if (privileged_ || ++wrong_ == 3) return {.text = privileged_ ? "" : "% Bad secrets\n\n"};
    return {.question = "Password: ", .hidden = true};
  }

 private:
  Reaction rejected(const BadWord& bad) const {
    if (bad.why == BadWord::Why::incomplete) return {.text = "% Incomplete command.\n\n"};
    return {.text = std::string(prompt().size() + bad.at, ' ') +
                    "^\n% Invalid input detected at '^' marker.\n\n"};
  }

  Reaction terminal(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    const std::string& what = words[1].text;
    if (abbreviates(what, "length") || abbreviates(what, "width")) {
      if (words.size() < 3) return rejected({BadWord::Why::incomplete, line.size()});
      const auto value = parse_number<int>(words[2].text, 0, 512);
      if (!value) return rejected({BadWord::Why::wrong_parameter, words[2].at});
      if (abbreviates(what, "length")) return {.page_length = *value};
      return {};
    }
    if (abbreviates(what, "no") || abbreviates(what, "monitor") || abbreviates(what, "exec")) return {};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction show(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "version", 1)) {
      return {.text = inventory("Cisco IOS XE Software, Version 17.09.04a (simulated)\n\n", router().name)};
    }
    if (abbreviates(words[1].text, "clock", 2)) return {.text = "*12:00:00.000 UTC Mon Jan 1 2024\n"};
    if (abbreviates(words[1].text, "privilege", 2)) return {.text = "Current privilege level is 15\n"};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    auto request = parse_ios_ping(words.subspan(1), line.size());
    if (!request) return rejected(request.error());
    // User EXEC knows the target, its family and the VRF only.
    const bool family = std::ranges::any_of(words, [](const Word& word) { return word.text == "ipv6"; });
    if (!privileged_ && words.size() > 2U + (request->vrf.empty() ? 0U : 2U) + (family ? 1U : 0U))
      return rejected({BadWord::Why::unrecognized, words.back().at});
    return start_ping(*request, make_ios_ping);
  }

  Reaction traceroute(const std::string& line, std::span<const Word> words) {
    auto request = parse_keywords({.count = {}}, words.subspan(1), line.size(), {trace_before, trace_behind});
    if (!request) return rejected(request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) return {.text = fmt::format("% VRF {} does not exist\n", request.vrf)};
    if (trouble == Trouble::name) {
      return {.text =
                  fmt::format("Translating \"{}\"...domain server (255.255.255.255)\n% Unrecognized host or "
                              "address, or protocol not running.\n\n",
                              request.target)};
    }
    const bool address = is_ipv4_text(request.source) || is_ipv6_text(request.source);
    if (address) return {.text = "% Invalid source address- IP address not on any of our up interfaces\n"};
    return {.text = "% Invalid source interface - IP not enabled or interface is down\n"};
  }

  bool privileged_ = router().enable_password.empty();
  int wrong_ = 0;
};

}  // namespace

std::unique_ptr<Dialect> make_ios(const RouterConfig& router, Network& network) {
  return std::make_unique<Ios>(router, network);
}

}  // namespace linewatch::sim
