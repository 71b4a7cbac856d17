#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

constexpr Keyword trace_families[] = {{"ip", Keyword::Means::ipv4}, {"ipv6", Keyword::Means::ipv6}};

// vtysh: its ping takes no options, runs the system's ping and goes on until it is interrupted.
class Frr : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override { return router().name + "# "; }
  Pager pager() const override { return {"--More--", "\r        \r"}; }
  bool pages() const override { return false; }
  std::string greeting() const override {
    return "\nHello, this is a simulated FRRouting (version 8.4.4).\n\n";
  }
  std::string over_limit() const override { return "% Too many sessions: all vty lines are in use.\n"; }
  std::string interrupt_echo() const override { return "^C"; }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (verb[0] == '!' || verb[0] == '#') return {};
    if (abbreviates(verb, "exit", 2) || abbreviates(verb, "quit", 1)) return {.close = true};
    if (abbreviates(verb, "ping", 1)) return ping(line, words);
    if (abbreviates(verb, "traceroute", 2)) return traceroute(line, words);
    if (abbreviates(verb, "terminal", 2)) return terminal(line, words);
    if (abbreviates(verb, "show", 2)) return show(line, words);
    if (abbreviates(verb, "enable", 2) || verb == "end" || abbreviates(verb, "disable", 3)) return {};
    return unknown(line);
  }

 private:
  static Reaction unknown(const std::string& line) {
    return {.text = fmt::format("% Unknown command: {}\n", line), .status = 1};
  }
  static Reaction incomplete(const std::string& line) {
    return {.text = fmt::format("% Command incomplete: {}\n", line), .status = 1};
  }

  Reaction terminal(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return incomplete(line);
    if (abbreviates(words[1].text, "length", 1) && words.size() == 3 &&
        parse_number<int>(words[2].text, 0, 512))
      return {};
    if (abbreviates(words[1].text, "paginate", 1) || abbreviates(words[1].text, "monitor", 1)) return {};
    if (words[1].text == "no" && words.size() > 2) return {};
    return unknown(line);
  }

  Reaction show(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return incomplete(line);
    if (!abbreviates(words[1].text, "version", 3)) return unknown(line);
    return {.text = inventory(fmt::format("FRRouting 8.4.4 ({}) on Linux, simulated.\n", router().name),
                              router().name)};
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    std::size_t at = 1;
    bool ipv6 = false;
    if (words.size() > at && (words[at].text == "ip" || words[at].text == "ipv6"))
      ipv6 = words[at++].text == "ipv6";
    if (words.size() <= at) return incomplete(line);
    if (words.size() > at + 1) return unknown(line);
    auto request = parse_iputils_ping(std::span(words).subspan(at, 1), ipv6);
    if (!request) return {.text = request.error(), .status = 1};
    const auto target = network().resolve(request->target, request->ipv6);
    if (target && target->target.no_route)
      return {.text = "ping: connect: Network is unreachable\n", .status = 1};
    return start_ping(*request, make_iputils_ping);
  }

  Reaction traceroute(const std::string& line, std::span<const Word> words) {
    auto request = parse_keywords({.count = {}}, words.subspan(1), line.size(), {trace_families, {}});
    if (!request) return request.error().why == BadWord::Why::incomplete ? incomplete(line) : unknown(line);
    return start_trace(*request);
  }

  Reaction complaint(Trouble, const PingRequest& request) const override {
    return {.text = fmt::format("ping: {}: Name or service not known\n", request.target), .status = 1};
  }
};

}  // namespace

std::unique_ptr<Dialect> make_frr(const RouterConfig& router, Network& network) {
  return std::make_unique<Frr>(router, network);
}

}  // namespace linewatch::sim
