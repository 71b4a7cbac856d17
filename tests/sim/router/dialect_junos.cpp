#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword ping_options[] = {{"inet", Means::ipv4},
                                    {"inet6", Means::ipv6},
                                    {"no-resolve", Means::flag},
                                    {"count", Means::count, 1, 2000000000},
                                    {"wait", Means::seconds, 1, 3600},
                                    {"interval", Means::interval, 1, 3600},
                                    {"size", Means::size, 0, 65468},
                                    {"source", Means::source},
                                    {"interface", Means::source},
                                    {"routing-instance", Means::vrf},
                                    {"do-not-fragment", Means::df},
                                    {"tos", Means::number, 0, 255}};
constexpr Keyword trace_options[] = {{"inet", Means::ipv4},          {"inet6", Means::ipv6},
                                     {"no-resolve", Means::flag},    {"wait", Means::number, 1, 86400},
                                     {"ttl", Means::number, 1, 255}, {"source", Means::source},
                                     {"interface", Means::source},   {"routing-instance", Means::vrf}};

// An empty line and "{master}" stand above each prompt.
class Junos : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override { return "\n{master}\n" + own_prompt(); }
  Pager pager() const override { return {"---(more)---", "\r" + std::string(40, ' ') + "\r"}; }
  std::string greeting() const override {
    return "--- JUNOS 21.4R3 (simulated) built 2024-01-01 12:00:00 UTC\n";
  }
  std::string over_limit() const override { return "error: too many sessions are open\n"; }
  std::string interrupt_echo() const override { return "^C"; }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    Reaction reaction = command(line, words);
    if (timestamp_ && !reaction.close) reaction.heading = "Jan 01 12:00:00\n";
    return reaction;
  }

 private:
  std::string own_prompt() const { return fmt::format("{}@{}> ", router().user, router().name); }

  Reaction command(const std::string& line, std::span<const Word> words) {
    const std::string& verb = words[0].text;
    if (abbreviates(verb, "exit", 2) || abbreviates(verb, "quit", 1)) return {.close = true};
    if (abbreviates(verb, "ping", 1)) return ping(line, words);
    if (abbreviates(verb, "traceroute", 2)) return traceroute(line, words);
    if (abbreviates(verb, "set", 2)) return set(line, words);
    if (abbreviates(verb, "show", 2)) return show(line, words);
    return {.text = caret(words[0].at) + "unknown command.\n"};
  }

  std::string caret(std::size_t at) const { return std::string(own_prompt().size() + at, ' ') + "^\n"; }

  Reaction rejected(const BadWord& bad) const {
    switch (bad.why) {
      case BadWord::Why::incomplete:
        return {.text = caret(bad.at) + "missing argument.\n"};
      case BadWord::Why::wrong_parameter:
        return {.text = caret(bad.at) + "invalid numeric value.\n"};
      case BadWord::Why::unrecognized:
      case BadWord::Why::too_many:
        break;
    }
    return {.text = caret(bad.at) + "syntax error, expecting <command>.\n"};
  }

  Reaction set(const std::string& line, std::span<const Word> words) {
    if (words.size() < 4) return rejected({BadWord::Why::incomplete, line.size()});
    const std::string& what = words[2].text;
    const std::string& value = words[3].text;
    if (words[1].text != "cli") return rejected({BadWord::Why::unrecognized, words[1].at});
    if (what == "screen-length" || what == "screen-width") {
      const auto number = parse_number<int>(value, 0, 100000);
      if (!number) return rejected({BadWord::Why::wrong_parameter, words[3].at});
      if (what == "screen-width") return {.text = fmt::format("Screen width set to {}\n", *number)};
      return {.text = fmt::format("Screen length set to {}\n", *number), .page_length = *number};
    }
    if (what == "complete-on-space") return {.text = "Complete-on-space is now " + value + "\n"};
    if (what != "timestamp") return rejected({BadWord::Why::unrecognized, words[2].at});
    timestamp_ = value != "disable";
    return {.text = fmt::format("CLI timestamp {}\n", timestamp_ ? "set to: %b %d %T" : "disabled")};
  }

  Reaction show(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "version", 3))
      return {.text = inventory("Hostname: " + router().name + "\nModel: simulated\nJunos: 21.4R3\n",
                                router().name)};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    constexpr Micros second{1'000'000};
    const PingRequest defaults{.count = {}, .size = 56, .timeout = 10 * second, .interval = second};
    auto request = parse_keywords(defaults, words.subspan(1), line.size(), {ping_options, ping_options});
    if (!request) return rejected(request.error());
    const auto target = network().resolve(request->target, request->ipv6);
    // The IPv6 one first asks for the address to send from.
    if (request->ipv6 && target && target->target.no_route)
      return {.text = "ping6: UDP connect: No route to host\n"};
    return start_ping(*request, make_junos_ping);
  }

  Reaction traceroute(const std::string& line, std::span<const Word> words) {
    auto request =
        parse_keywords({.count = {}}, words.subspan(1), line.size(), {trace_options, trace_options});
    if (!request) return rejected(request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf)
      return {.text = fmt::format("error: routing instance {} does not exist\n", request.vrf)};
    if (trouble == Trouble::name)
      return {.text = fmt::format("ping: cannot resolve {}: Host name lookup failure\n", request.target)};
    return {.text = "ping: bind: Can't assign requested address\n"};
  }

  bool timestamp_ = false;
};

}  // namespace

std::unique_ptr<Dialect> make_junos(const RouterConfig& router, Network& network) {
  return std::make_unique<Junos>(router, network);
}

}  // namespace linewatch::sim
