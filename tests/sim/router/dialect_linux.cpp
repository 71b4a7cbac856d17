#include <fmt/format.h>

#include <cctype>
#include <span>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/keywords.hpp"

namespace linewatch::sim {
namespace {

using Means = Keyword::Means;

constexpr Keyword trace_options[] = {{"-4", Means::ipv4},           {"-6", Means::ipv6},
                                     {"-n", Means::flag},           {"-q", Means::count, 1, 10},
                                     {"-w", Means::number, 0, 300}, {"-m", Means::number, 1, 255},
                                     {"-s", Means::source},         {"-i", Means::source}};

bool is_assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  for (std::size_t i = 0; i < equals; ++i) {
    if (std::isalnum(static_cast<unsigned char>(word[i])) == 0 && word[i] != '_') return false;
  }
  return true;
}

class Linux : public Dialect {
 public:
  using Dialect::Dialect;

  std::string prompt() const override {
    return prompt_.empty() ? fmt::format("{}@{}:~$ ", router().user, router().name) : prompt_;
  }
  Pager pager() const override { return {"--More--", "\r        \r"}; }
  bool pages() const override { return false; }
  std::string greeting() const override {
    return fmt::format(
        "Linux {} 6.1.0-sim #1 SMP (simulated) x86_64\n\nLast login: Mon Jan  1 12:00:00 2024 from "
        "192.0.2.7\n",
        router().name);
  }
  std::string over_limit() const override { return "Too many logins for '" + router().user + "'.\n"; }
  std::string interrupt_echo() const override { return "^C"; }

  Reaction run(const std::string& line) override {
    auto words = split_words(line);
    if (words[0].text[0] == '#') return {};
    std::span<const Word> rest = words;
    while (!rest.empty() && is_assignment(rest[0].text)) {
      set(rest[0].text);
      rest = rest.subspan(1);
    }
    for (const auto* wrapper : {"env", "command", "exec", "nice", "sudo"}) {
      while (!rest.empty() && (rest[0].text == wrapper || is_assignment(rest[0].text)))
        rest = rest.subspan(1);
    }
    if (rest.empty()) return {};
    return command(rest);
  }

 private:
  // Only PS1 means anything here; its quotes are taken off, its escapes are not understood.
  void set(const std::string& assignment) {
    if (!assignment.starts_with("PS1=")) return;
    std::string value = assignment.substr(4);
    std::erase_if(value, [](char c) { return c == '\'' || c == '"'; });
    prompt_ = value;
  }

  Reaction command(std::span<const Word> words) {
    std::string verb = words[0].text;
    while (verb.ends_with(';')) verb.pop_back();
    if (verb == "exit" || verb == "logout") return {.text = "logout\n", .close = true};
    if (verb == "ping" || verb == "/bin/ping" || verb == "/usr/bin/ping")
      return ping(words.subspan(1), "", false);
    if (verb == "ping6") return ping(words.subspan(1), "", true);
    if (verb == "traceroute") return traceroute(words.subspan(1), "");
    if (verb == "ip") return ip(words);
    if (verb == "export") {
      for (const Word& word : words.subspan(1)) set(word.text);
      return {};
    }
    for (const auto* quiet :
         {"stty", "unset", "set", "shopt", "bind", "alias", "unalias", "true", ":", "umask", "trap"}) {
      if (verb == quiet) return {};
    }
    if (verb == "hostname") return {.text = router().name + "\n"};
    if (verb == "whoami") return {.text = router().user + "\n"};
    if (verb == "uname") return {.text = "Linux\n"};
    if (verb == "echo") return echo(words.subspan(1));
    if (verb == "dmesg") return {.text = inventory("", router().name)};
    return {.text = fmt::format("-bash: {}: command not found\n", words[0].text), .status = 127};
  }

  static Reaction echo(std::span<const Word> words) {
    std::string text;
    for (const Word& word : words) text += (text.empty() ? "" : " ") + word.text;
    return {.text = text + "\n"};
  }

  Reaction ip(std::span<const Word> words) {
    if (words.size() > 4 && words[1].text == "vrf" && words[2].text == "exec") {
      const std::string& vrf = words[3].text;
      if (words[4].text == "ping") return ping(words.subspan(5), vrf, false);
      if (words[4].text == "traceroute") return traceroute(words.subspan(5), vrf);
    }
    return {
        .text = "Object \"" + (words.size() > 1 ? words[1].text : "") + "\" is unknown, try \"ip help\".\n",
        .status = 1};
  }

  Reaction ping(std::span<const Word> words, const std::string& vrf, bool ipv6_command) {
    auto request = parse_iputils_ping(words, ipv6_command);
    if (!request) return {.text = request.error(), .status = 2};
    request->vrf = vrf;
    Reaction reaction = start_ping(*request, make_iputils_ping);
    const auto target = network().resolve(request->target, request->ipv6);
    if (!reaction.program || !target->target.no_route) return reaction;
    return {.text = "ping: connect: Network is unreachable\n", .status = 2};
  }

  Reaction traceroute(std::span<const Word> words, const std::string& vrf) {
    auto request = parse_keywords({.count = {}}, words, 0, {trace_options, {}});
    if (!request) return {.text = "traceroute: usage: traceroute [options] host\n", .status = 2};
    request->vrf = vrf;
    return start_trace(*request);
  }

  Reaction complaint(Trouble trouble, const PingRequest& request) const override {
    if (trouble == Trouble::vrf) return {.text = "Invalid VRF name\n", .status = 255};
    if (trouble == Trouble::name)
      return {.text = fmt::format("ping: {}: Name or service not known\n", request.target), .status = 2};
    const bool address = is_ipv4_text(request.source) || is_ipv6_text(request.source);
    if (address) return {.text = "ping: bind: Cannot assign requested address\n", .status = 2};
    return {.text = fmt::format("ping: SO_BINDTODEVICE {}: No such device\n", request.source), .status = 2};
  }

  std::string prompt_;
};

}  // namespace

std::unique_ptr<Dialect> make_linux(const RouterConfig& router, Network& network) {
  return std::make_unique<Linux>(router, network);
}

}  // namespace linewatch::sim
