#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword before[] = {{"vrf", Means::vrf}, {"ip", Means::ipv4}, {"ipv6", Means::ipv6}};
constexpr Keyword ping_behind[] = {{"repeat", Means::count, 1, 2147483647},
                                   {"size", Means::size, 36, 18024},
                                   {"timeout", Means::seconds, 0, 3600},
                                   {"interval", Means::interval, 1, 3600},
                                   {"source", Means::source},
                                   {"df-bit", Means::df}};
constexpr Keyword trace_behind[] = {{"source", Means::source}, {"vrf", Means::vrf}};

// The command line is like IOS', the ping below it is iputils; `size` counts the IP packet.
class Eos : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override { return router().name + (privileged_ ? "#" : ">"); }
  Pager pager() const override { return {" --More-- ", "\r" + std::string(10, ' ') + "\r"}; }
  std::string greeting() const override { return "Last login: Mon Jan  1 12:00:00 2024 from 192.0.2.7\n"; }
  std::string over_limit() const override { return "% Maximum number of sessions reached\n"; }
  std::string interrupt_echo() const override { return "^C"; }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (verb[0] == '!') return {};
    if (abbreviates(verb, "exit", 2) || abbreviates(verb, "logout", 3)) return {.close = true};
    if (abbreviates(verb, "ping", 1)) return ping(line, words);
    if (abbreviates(verb, "traceroute", 2)) return traceroute(line, words);
    if (abbreviates(verb, "terminal", 1)) return terminal(line, words);
    if (abbreviates(verb, "show", 2)) return show(line, words);
    if (abbreviates(verb, "enable", 2) && privileged_) return {};
    if (abbreviates(verb, "enable", 2)) return {.question = "Password: ", .hidden = true};
    return rejected({BadWord::Why::unrecognized, words[0].at});
  }

  Reaction answer(const std::string& line) override {
    privileged_ = line == router().enable_password;
    if (privileged_ || ++wrong_ == 3) return {.text = privileged_ ? "" : "% Bad secrets\n"};
    return {.question = "Password: ", .hidden = true};
  }

 private:
  Reaction rejected(const BadWord& bad) const {
    if (bad.why == BadWord::Why::incomplete) return {.text = "% Incomplete command\n"};
    return {.text = std::string(prompt().size() + bad.at, ' ') + "^\n% Invalid input\n"};
  }

  Reaction terminal(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 3) return rejected({BadWord::Why::incomplete, line.size()});
    const bool length = abbreviates(words[1].text, "length");
    if (!length && !abbreviates(words[1].text, "width"))
      return rejected({BadWord::Why::unrecognized, words[1].at});
    const auto value = parse_number<int>(words[2].text, length ? 0 : 10, 32767);
    if (!value) return rejected({BadWord::Why::wrong_parameter, words[2].at});
    if (length)
      return {.text = fmt::format("Pagination {}.\n", *value == 0 ? "disabled" : "enabled"),
              .page_length = *value};
    return {.text = fmt::format("Width set to {} columns.\n", *value)};
  }

  Reaction show(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "version", 3))
      return {.text = inventory("Simulated switch\nSoftware image version: 4.30.2F\n", router().name)};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    const PingRequest defaults{.size = 100, .timeout = Micros(10'000'000), .interval = Micros(1'000'000)};
    auto request = parse_keywords(defaults, words.subspan(1), line.size(), {before, ping_behind});
    if (!request) return rejected(request.error());
    if (!privileged_ && words.back().text != request->target)
      return {.text = "% Invalid input (privileged mode required)\n"};
    request->size -= privileged_ ? 28 : 44;  // without rights: 56(84)
    const auto target = network().resolve(request->target, request->ipv6);
    if (target && target->target.no_route) return {.text = "connect: Network is unreachable\n"};
    return start_ping(*request, make_eos_ping);
  }

  Reaction traceroute(const std::string& line, std::span<const Word> words) {
    auto request = parse_keywords({.count = {}}, words.subspan(1), line.size(), {before, trace_behind});
    if (!request) return rejected(request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) return {.text = fmt::format("% VRF {} does not exist\n", request.vrf)};
    if (trouble == Trouble::name)
      return {.text = fmt::format("ping: {}: Name or service not known\n", request.target)};
    return {.text = "ping: bind icmp socket: Cannot assign requested address\n"};
  }

  bool privileged_ = router().enable_password.empty();
  int wrong_ = 0;
};

}  // namespace

std::unique_ptr<Dialect> make_eos(const RouterConfig& router, Network& network) {
  return std::make_unique<Eos>(router, network);
}

}  // namespace linewatch::sim
