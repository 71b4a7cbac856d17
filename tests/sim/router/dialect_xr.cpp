#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword before[] = {{"vrf", Means::vrf}, {"ipv4", Means::ipv4}, {"ipv6", Means::ipv6}};
constexpr Keyword ping_behind[] = {{"count", Means::count, 1, 64000},  {"size", Means::size, 36, 18024},
                                   {"timeout", Means::seconds, 0, 36}, {"source", Means::source},
                                   {"donotfrag", Means::df},           {"type", Means::number, 0, 255},
                                   {"validate", Means::flag},          {"verbose", Means::flag}};
constexpr Keyword trace_behind[] = {{"source", Means::source},           {"numeric", Means::flag},
                                    {"timeout", Means::number, 0, 3600}, {"probe", Means::count, 1, 65535},
                                    {"minttl", Means::number, 0, 255},   {"maxttl", Means::number, 0, 255}};

// A line with the time comes before each answer until "terminal exec prompt no-timestamp".
class Xr : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override { return "RP/0/RP0/CPU0:" + router().name + "#"; }
  Pager pager() const override {
    return {" --More-- ", std::string(10, '\b') + std::string(10, ' ') + std::string(10, '\b')};
  }
  std::string greeting() const override { return "\n\n"; }
  std::string over_limit() const override {
    return "% Maximum number of sessions reached: no vty line is free.\n";
  }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    if (words[0].text[0] == '!') return {};
    const bool stamped = timestamp_;  // the command that ends it has one
    Reaction reaction = command(line, words);
    if (stamped && !reaction.close) reaction.heading = "Mon Jan  1 12:00:00.000 UTC\n";
    return reaction;
  }

 private:
  Reaction command(const std::string& line, std::span<const Word> words) {
    const std::string& verb = words[0].text;
    if (abbreviates(verb, "exit", 2) || abbreviates(verb, "logout", 3)) return {.close = true};
    if (abbreviates(verb, "ping", 2)) return ping(line, words);
    if (abbreviates(verb, "traceroute", 2)) return traceroute(line, words);
    if (abbreviates(verb, "terminal", 2)) return terminal(line, words);
    if (abbreviates(verb, "show", 2)) return show(line, words);
    return rejected({BadWord::Why::unrecognized, words[0].at});
  }

  Reaction rejected(const BadWord& bad) const {
    if (bad.why == BadWord::Why::incomplete) return {.text = "% Incomplete command.\n"};
    return {.text =
                std::string(prompt().size() + bad.at, ' ') + "^\n% Invalid input detected at '^' marker.\n"};
  }

  Reaction terminal(const std::string& line, std::span<const Word> words) {
    if (words.size() < 3) return rejected({BadWord::Why::incomplete, line.size()});
    const std::string& what = words[1].text;
    if (abbreviates(what, "length") || abbreviates(what, "width")) {
      const auto value = parse_number<int>(words[2].text, 0, 512);
      if (!value) return rejected({BadWord::Why::wrong_parameter, words[2].at});
      if (abbreviates(what, "length")) return {.page_length = *value};
      return {};
    }
    if (!abbreviates(what, "exec")) return rejected({BadWord::Why::unrecognized, words[1].at});
    if (words.size() < 4) return rejected({BadWord::Why::incomplete, line.size()});
    if (words[3].text != "no-timestamp" && words[3].text != "timestamp")
      return rejected({BadWord::Why::unrecognized, words[3].at});
    timestamp_ = words[3].text == "timestamp";
    return {};
  }

  Reaction show(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "version", 1))
      return {.text = inventory("Cisco IOS XR Software, Version 7.9.2 (simulated)\n\n", router().name)};
    if (abbreviates(words[1].text, "clock", 2)) return {.text = "12:00:00.000 UTC Mon Jan 1 2024\n"};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    auto request = parse_keywords({}, words.subspan(1), line.size(), {before, ping_behind});
    if (!request) return rejected(request.error());
    return start_ping(*request, make_xr_ping);
  }

  Reaction traceroute(const std::string& line, std::span<const Word> words) {
    auto request = parse_keywords({.count = {}}, words.subspan(1), line.size(), {before, trace_behind});
    if (!request) return rejected(request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf)
      return {.text = fmt::format("% The specified VRF {} doesn't exist\n", request.vrf)};
    if (trouble == Trouble::name) return {.text = "% Bad hostname or protocol not running\n"};
    return {.text = "% Invalid source address or interface\n"};
  }

  bool timestamp_ = true;
};

}  // namespace

std::unique_ptr<Dialect> make_xr(const RouterConfig& router, Network& network) {
  return std::make_unique<Xr>(router, network);
}

}  // namespace linewatch::sim
