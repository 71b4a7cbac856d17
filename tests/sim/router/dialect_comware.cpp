#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword trace_options[] = {{"ipv6", Means::ipv6},          {"-vpn-instance", Means::vrf},
                                     {"-a", Means::source},          {"-m", Means::number, 1, 255},
                                     {"-q", Means::count, 1, 65535}, {"-w", Means::milliseconds, 1, 65535}};

class Comware : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override {
    return system_view_ ? "[" + router().name + "]" : "<" + router().name + ">";
  }
  Pager pager() const override { return {"---- More ----", "\x1b[16D" + std::string(16, ' ') + "\x1b[16D"}; }
  std::string greeting() const override {
    const std::string stars(78, '*');
    return stars + "\n* A simulated router of linewatch-sim; nobody claims a copyright to show here.  *\n" +
           stars + "\n\n";
  }
  std::string over_limit() const override {
    return fmt::format("% The max number of VTY users, {}, has been reached.\n", router().max_sessions);
  }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (abbreviates(verb, "quit", 1) || verb == "return") return leave(verb == "return");
    if (abbreviates(verb, "ping", 2)) return ping(line, words);
    if (abbreviates(verb, "tracert", 2)) return tracert(line, words);
    if (abbreviates(verb, "display", 3)) return display(line, words);
    if (abbreviates(verb, "system-view", 3)) return enter_system_view();
    if (abbreviates(verb, "screen-length", 3)) return screen_length(line, words, false);
    if (abbreviates(verb, "undo", 3)) return undo(line, words);
    if (abbreviates(verb, "terminal", 3)) return terminal(line, words, 1, true);
    return rejected({BadWord::Why::unrecognized, words[0].at});
  }

 private:
  Reaction rejected(const BadWord& bad) const {
    const std::string caret = std::string(prompt().size() + bad.at, ' ') + "^\n";
    switch (bad.why) {
      case BadWord::Why::wrong_parameter:
        return {.text = caret + " % Wrong parameter found at '^' position.\n"};
      case BadWord::Why::incomplete:
        return {.text = caret + " % Incomplete command found at '^' position.\n"};
      case BadWord::Why::too_many:
        return {.text = caret + " % Too many parameters found at '^' position.\n"};
      case BadWord::Why::unrecognized:
        break;
    }
    return {.text = caret + " % Unrecognized command found at '^' position.\n"};
  }

  Reaction leave(bool to_user_view) {
    if (!system_view_ && !to_user_view) return {.close = true};
    system_view_ = false;
    return {};
  }

  Reaction enter_system_view() {
    if (system_view_) return {};
    system_view_ = true;
    return {.text = "System View: return to User View with Ctrl+Z.\n"};
  }

  Reaction screen_length(const std::string& line, std::span<const Word> words, bool undone) const {
    const std::size_t at = undone ? 2 : 1;
    if (words.size() <= at) return rejected({BadWord::Why::incomplete, line.size()});
    if (!abbreviates(words[at].text, "disable", 1))
      return rejected({BadWord::Why::unrecognized, words[at].at});
    return {.page_length = undone ? router().page_length : 0};
  }

  Reaction undo(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "screen-length", 3)) return screen_length(line, words, true);
    if (abbreviates(words[1].text, "terminal", 3)) return terminal(line, words, 2, false);
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction terminal(const std::string& line, std::span<const Word> words, std::size_t at, bool on) const {
    if (words.size() <= at) return rejected({BadWord::Why::incomplete, line.size()});
    for (const auto* what : {"monitor", "debugging", "logging"}) {
      if (abbreviates(words[at].text, what, 3)) {
        return {.text = fmt::format("The current terminal is {} to display logs.\n",
                                    on ? "enabled" : "disabled")};
      }
    }
    return rejected({BadWord::Why::unrecognized, words[at].at});
  }

  Reaction display(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "version", 1)) {
      return {.text = inventory("H3C Comware Software, Version 7.1.070 (simulated)\n", router().name)};
    }
    if (abbreviates(words[1].text, "clock", 2)) return {.text = "12:00:00 UTC Mon 01/01/2024\n"};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    auto request = parse_vrp_ping(words.subspan(1), line.size(), std::chrono::milliseconds(200));
    if (!request) return rejected(request.error());
    return start_ping(*request, make_comware_ping);
  }

  Reaction tracert(const std::string& line, std::span<const Word> words) {
    auto request = parse_keywords({.count = {}}, words.subspan(1), line.size(), {trace_options, {}});
    if (!request) return rejected(request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) return {.text = "The specified VPN instance does not exist.\n"};
    if (trouble == Trouble::name) return {.text = fmt::format("Ping: Unknown host {}.\n", request.target)};
    return {.text = "Invalid source address or interface.\n"};
  }

  bool system_view_ = false;
};

}  // namespace

std::unique_ptr<Dialect> make_comware(const RouterConfig& router, Network& network) {
  return std::make_unique<Comware>(router, network);
}

}  // namespace linewatch::sim
