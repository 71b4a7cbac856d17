#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword ping_options[] = {{"repeat-count", Means::count, 1, 2147483647},
                                    {"timeout", Means::seconds, 1, 3600},
                                    {"data-size", Means::size, 0, 65507},
                                    {"interval", Means::interval, 1, 3600},
                                    {"source", Means::source},
                                    {"interface", Means::source},
                                    {"df-bit", Means::text}};

constexpr Micros second{1'000'000};
const PingRequest defaults{.size = 56, .timeout = 2 * second, .interval = second};

// What a ping wishes is said by commands of its own, which hold until the session ends. No command switches
// the pager off without writing the configuration.
class Fortios : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override { return router().name + " # "; }
  Pager pager() const override { return {"--More-- ", "\r" + std::string(9, ' ') + "\r"}; }
  std::string over_limit() const override { return "Too many concurrent administrator sessions.\n"; }
  std::string interrupt_echo() const override { return "^C"; }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (verb == "exit" || verb == "quit") return {.close = true};
    if (abbreviates(verb, "execute", 2)) return execute(words);
    if (abbreviates(verb, "get", 2)) return get(words);
    return {.text = "Unknown action 0\n\n"};
  }

 private:
  static Reaction unknown() { return {.text = "\nUnknown action 0\n\n"}; }
  static Reaction failed(const std::string& word) {
    return {.text =
                fmt::format("\ncommand parse error before '{}'\nCommand fail. Return code -61\n\n", word)};
  }

  Reaction execute(std::span<const Word> words) {
    if (words.size() < 2) return {.text = "Incomplete command.\n\n"};
    const std::string& what = words[1].text;
    if (what == "ping-options") return set(words, options_);
    if (what == "ping6-options") return set(words, options6_);
    if (words.size() < 3) return {.text = "Incomplete command.\n\n"};
    if (words.size() > 3) return unknown();
    if (what == "ping" || what == "ping6") return ping(words[2].text, what == "ping6");
    if (what == "traceroute" || what == "tracert6") return traceroute(words[2].text, what == "tracert6");
    return failed(what);
  }

  // One option and its value. "yes" and "no" stand where others have a flag.
  static Reaction set(std::span<const Word> words, PingRequest& options) {
    if (words.size() == 3 && words[2].text == "reset") {
      options = defaults;
      return {};
    }
    if (words.size() != 4) return {.text = "Incomplete command.\n\n"};
    if (words[2].text == "df-bit") {
      options.df = words[3].text == "yes";
      return {};
    }
    const std::vector<Word> named{{"any", 0}, words[2], words[3]};
    PingRequest kept = options;
    auto changed = parse_keywords(std::move(kept), named, 0, {{}, ping_options});
    if (changed) options = *changed;
    if (!changed) return failed(words[changed.error().why == BadWord::Why::unrecognized ? 2 : 3].text);
    return {};
  }

  Reaction get(std::span<const Word> words) const {
    if (words.size() == 3 && words[1].text == "system" && words[2].text == "status")
      return {.text = inventory("Version: FortiGate (simulated) v7.2.5\n", router().name)};
    return failed(words.back().text);
  }

  Reaction ping(const std::string& target, bool ipv6) {
    PingRequest request = ipv6 ? options6_ : options_;
    request.target = target;
    request.ipv6 = ipv6;
    // Its IPv6 ping is another program.
    return start_ping(request, ipv6 ? make_iputils_ping : make_fortios_ping);
  }

  Reaction traceroute(const std::string& target, bool ipv6) {
    PingRequest request{.target = target, .ipv6 = ipv6, .count = {}};
    return start_trace(request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::name) return {.text = "Unable to resolve hostname.\n\n"};
    return {.text = fmt::format("bind failed: {} is not an address or interface of this unit\n\n",
                                request.source)};
  }

  PingRequest options_ = defaults;
  PingRequest options6_ = defaults;
};

}  // namespace

std::unique_ptr<Dialect> make_fortios(const RouterConfig& router, Network& network) {
  return std::make_unique<Fortios>(router, network);
}

}  // namespace linewatch::sim
