#include <fmt/format.h>

#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword trace_options[] = {{"ipv6", Means::ipv6},
                                     {"-vpn-instance", Means::vrf},
                                     {"vpn-instance", Means::vrf},
                                     {"-a", Means::source},
                                     {"-m", Means::number, 1, 255},
                                     {"-q", Means::count, 1, 65535},
                                     {"-w", Means::milliseconds, 1, 65535}};

class Vrp : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override {
    return system_view_ ? "[" + router().name + "]" : "<" + router().name + ">";
  }
  Pager pager() const override {
    return {"  ---- More ----", "\x1b[42D" + std::string(42, ' ') + "\x1b[42D"};
  }
  std::string over_limit() const override {
    return fmt::format(
        "Info: The max number of VTY users is {0}, and the number\n      of current VTY users on line "
        "is {0}.\nError: All user interfaces are used, please try later!\n",
        router().max_sessions);
  }

  Reaction run(const std::string& line) override {
    const auto words = split_words(line);
    const std::string& verb = words[0].text;
    if (abbreviates(verb, "quit", 1) || verb == "return") return leave(verb == "return");
    if (abbreviates(verb, "ping", 2)) return ping(line, words);
    if (abbreviates(verb, "tracert", 2)) return tracert(line, words);
    if (abbreviates(verb, "display", 3)) return display(line, words);
    if (abbreviates(verb, "system-view", 3)) return enter_system_view();
    if (abbreviates(verb, "screen-length", 8)) return screen_length(line, words);
    if (abbreviates(verb, "screen-width", 8)) return screen_width(line, words);
    if (abbreviates(verb, "undo", 3) || abbreviates(verb, "terminal", 3)) return terminal(line, words);
    return rejected({BadWord::Why::unrecognized, words[0].at});
  }

  Reaction answer(const std::string& line) override {
    if (line == "y" || line == "Y") return {.text = "Info: The configuration succeeded.\n"};
    return {.text = "Info: Operation cancelled.\n"};
  }

 private:
  Reaction rejected(const BadWord& bad) const {
    const std::string caret = std::string(prompt().size() + bad.at, ' ') + "^\n";
    switch (bad.why) {
      case BadWord::Why::wrong_parameter:
        return {.text = caret + "Error: Wrong parameter found at '^' position.\n"};
      case BadWord::Why::incomplete:
        return {.text = caret + "Error:Incomplete command found at '^' position.\n"};
      case BadWord::Why::too_many:
        return {.text = caret + "Error:Too many parameters found at '^' position.\n"};
      case BadWord::Why::unrecognized:
        break;
    }
    return {.text = caret + "Error: Unrecognized command found at '^' position.\n"};
  }

  Reaction leave(bool to_user_view) {
    if (!system_view_ && !to_user_view) return {.close = true};
    system_view_ = false;
    return {};
  }

  Reaction enter_system_view() {
    if (system_view_) return {};
    system_view_ = true;
    return {.text = "Enter system view, return user view with Ctrl+Z.\n"};
  }

  Reaction screen_length(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    const auto value = parse_number<int>(words[1].text, 0, 512);
    if (!value) return rejected({BadWord::Why::wrong_parameter, words[1].at});
    if (words.size() < 3) return rejected({BadWord::Why::incomplete, line.size()});
    if (!abbreviates(words[2].text, "temporary", 1))
      return rejected({BadWord::Why::unrecognized, words[2].at});
    return {.text = "Info: The configuration takes effect on the current user terminal interface only.\n",
            .page_length = *value};
  }

  Reaction screen_width(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (!parse_number<int>(words[1].text, 60, 512))
      return rejected({BadWord::Why::wrong_parameter, words[1].at});
    return {.question = "Warning: This command will change the default screen width. Continue? [Y/N]:"};
  }

  Reaction terminal(const std::string& line, std::span<const Word> words) const {
    const std::size_t at = abbreviates(words[0].text, "undo", 3) ? 1 : 0;
    if (words.size() < at + 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (!abbreviates(words[at].text, "terminal", 3))
      return rejected({BadWord::Why::unrecognized, words[at].at});
    for (const auto* what : {"monitor", "debugging", "logging", "trapping", "alarm"}) {
      if (abbreviates(words[at + 1].text, what, 3)) {
        return {.text = fmt::format("Info: Current terminal {} is {}.\n", what, at == 1 ? "off" : "on")};
      }
    }
    return rejected({BadWord::Why::unrecognized, words[at + 1].at});
  }

  Reaction display(const std::string& line, std::span<const Word> words) const {
    if (words.size() < 2) return rejected({BadWord::Why::incomplete, line.size()});
    if (abbreviates(words[1].text, "version", 1)) {
      // The bracketed text is what a loose prompt pattern takes for a prompt.
      return {.text = inventory("Huawei Versatile Routing Platform Software\nVRP (R) software, Version 8.180 "
                                "[V200R009C00SPC500]\n(simulated)\n\n",
                                router().name)};
    }
    if (abbreviates(words[1].text, "clock", 2)) return {.text = "2024-01-01 12:00:00+00:00\nMonday\n"};
    return rejected({BadWord::Why::unrecognized, words[1].at});
  }

  Reaction ping(const std::string& line, std::span<const Word> words) {
    auto request = parse_vrp_ping(words.subspan(1), line.size(), std::chrono::milliseconds(500));
    if (!request) return rejected(request.error());
    return start_ping(*request, make_vrp_ping);
  }

  Reaction tracert(const std::string& line, std::span<const Word> words) {
    auto request = parse_keywords({.count = {}}, words.subspan(1), line.size(), {trace_options, {}});
    if (!request) return rejected(request.error());
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) return {.text = "Error: The VPN instance does not exist.\n"};
    if (trouble == Trouble::name) return {.text = fmt::format("Error: Unknown host {}.\n", request.target)};
    return {.text = "Error: The source address or interface does not exist.\n"};
  }

  bool system_view_ = false;
};

}  // namespace

std::unique_ptr<Dialect> make_vrp(const RouterConfig& router, Network& network) {
  return std::make_unique<Vrp>(router, network);
}

}  // namespace linewatch::sim
