#include "tests/sim/router/ping_options.hpp"

#include <fmt/format.h>

#include "tests/sim/router/reader.hpp"

namespace linewatch::sim {

using Why = BadWord::Why;

ParsedPing parse_ios_ping(std::span<const Word> words, std::size_t end) {
  Reader reader(words, end);
  PingRequest request;
  if (!reader.done() && abbreviates(reader.peek().text, "vrf", 3)) {
    reader.take();
    request.vrf = reader.text();
  }
  bool said_family = false;
  if (!reader.done() &&
      (reader.peek().text == "ip" || reader.peek().text == "ipv6" || reader.peek().text == "ipv4")) {
    request.ipv6 = reader.take().text == "ipv6";
    said_family = true;
  }
  request.target = reader.text();
  if (!said_family) request.ipv6 = is_ipv6_text(request.target);
  while (!reader.done() && !reader.failure()) {
    const Word word = reader.take();
    if (abbreviates(word.text, "repeat")) {
      request.count = reader.number(1, 2147483647);
    } else if (abbreviates(word.text, "size")) {
      request.size = reader.number(request.ipv6 ? 48 : 36, 18024);
    } else if (abbreviates(word.text, "timeout")) {
      request.timeout = std::chrono::seconds(reader.number(0, 3600));
    } else if (abbreviates(word.text, "source")) {
      request.source = reader.interface();
    } else if (abbreviates(word.text, "df-bit", 1)) {
      request.df = true;
    } else if (abbreviates(word.text, "dscp", 2)) {
      reader.text();
    } else if (abbreviates(word.text, "tos", 2)) {
      reader.number(0, 255);
    } else if (!abbreviates(word.text, "validate", 1)) {
      reader.fail(Why::unrecognized, word.at);
    }
  }
  if (reader.failure()) return std::unexpected(*reader.failure());
  return request;
}

ParsedPing parse_vrp_ping(std::span<const Word> words, std::size_t end, Micros default_interval) {
  Reader reader(words, end);
  PingRequest request;
  request.size = 56;
  request.interval = default_interval;
  if (!reader.done() && (reader.peek().text == "ip" || reader.peek().text == "ipv6")) {
    request.ipv6 = reader.take().text == "ipv6";
  }
  while (!reader.done() && !reader.failure() && request.target.empty()) {
    const Word word = reader.take();
    if (word.text == "-vpn-instance" || (word.text == "vpn-instance" && request.ipv6)) {
      request.vrf = reader.text();
    } else if (!word.text.starts_with('-')) {
      request.target = word.text;
    } else if (word.text == "-c") {
      request.count = reader.number(1, 2147483647);
    } else if (word.text == "-t") {
      request.timeout = std::chrono::milliseconds(reader.number(0, 65535));
    } else if (word.text == "-s") {
      request.size = reader.number(20, 9600);
    } else if (word.text == "-m") {
      request.interval = std::chrono::milliseconds(reader.number(1, 65535));
    } else if (word.text == "-a" || word.text == "-i" || word.text == "-si") {
      request.source = reader.interface();
    } else if (word.text == "-tos" || word.text == "-dscp" || word.text == "-h" || word.text == "-tc") {
      reader.number(0, 255);
    } else if (word.text == "-p") {
      reader.text();
    } else if (word.text == "-f") {
      request.df = true;
    } else if (word.text == "-q") {
      request.quiet = true;
    } else if (word.text != "-n" && word.text != "-v" && word.text != "-r" && word.text != "-name") {
      reader.fail(Why::unrecognized, word.at);
    }
  }
  if (!reader.failure() && request.target.empty()) reader.fail(Why::incomplete, end);
  // Options stand before the target; only IPv6 wants its interface behind.
  if (!reader.failure() && request.ipv6 && !reader.done() && reader.peek().text == "-i") {
    reader.take();
    request.source = reader.interface();
  }
  if (!reader.failure() && !reader.done()) reader.fail(Why::too_many, reader.peek().at);
  if (reader.failure()) return std::unexpected(*reader.failure());
  return request;
}

namespace {

constexpr const char* iputils_usage =
    "\nUsage\n  ping [options] <destination>\n\nOptions:\n  -c <count>         stop after <count> replies\n"
    "  -I <interface>     either interface name or address\n  -i <interval>      seconds between packets\n"
    "  -M <pmtud opt>     do, dont or want\n  -n                 no name resolution\n"
    "  -s <size>          data bytes\n  -W <timeout>       time to wait for response\n";

std::optional<Micros> parse_seconds(const std::string& text, double min) {
  const auto seconds = parse_number<double>(text, min, 86400.0);
  if (!seconds) return std::nullopt;
  return Micros(static_cast<Micros::rep>(*seconds * 1e6 + 0.5));
}

// One option with its value; the error is what iputils prints.
std::string apply_iputils(PingRequest& request, char option, const std::string& value) {
  const std::string bad = fmt::format("ping: invalid argument: '{}'\n", value);
  const auto duration = [&](double min) { return parse_seconds(value, min); };
  switch (option) {
    case 'c': {
      const auto count = parse_number<int>(value, 1, 2147483647);
      if (!count)
        return fmt::format("ping: invalid argument: '{}': out of range: 1 <= value <= 9223372036854775807\n",
                           value);
      request.count = *count;
      return {};
    }
    case 's': {
      const auto size = parse_number<int>(value, 0, 65507);
      if (!size)
        return fmt::format("ping: invalid argument: '{}': out of range: 0 <= value <= 2147483647\n", value);
      request.size = *size;
      return {};
    }
    case 'W':
      if (!duration(0)) return fmt::format("ping: bad linger time: {}\n", value);
      request.timeout = *duration(0);
      return {};
    case 'i':
      if (!duration(0.002)) return fmt::format("ping: bad timing interval: {}\n", value);
      request.interval = *duration(0.002);
      return {};
    case 'w':
      if (!duration(0)) return bad;
      request.deadline = *duration(0);
      return {};
    case 'I':
      request.source = value;
      return {};
    case 'M':
      if (value != "do" && value != "dont" && value != "want")
        return "ping: invalid -M argument: " + value + "\n";
      request.df = value == "do";
      return {};
    default:
      return {};  // -t -Q -p -m -S: accepted, without effect here
  }
}

}  // namespace

std::expected<PingRequest, std::string> parse_iputils_ping(std::span<const Word> words, bool ipv6_command) {
  PingRequest request;
  request.count = std::nullopt;
  request.size = 56;
  request.timeout = std::chrono::seconds(10);
  request.interval = std::chrono::seconds(1);
  std::optional<bool> ipv6;
  if (ipv6_command) ipv6 = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& text = words[i].text;
    if (text == "--") continue;
    if (text.size() < 2 || text[0] != '-') {
      request.target = text;
      continue;
    }
    for (std::size_t k = 1; k < text.size(); ++k) {
      const char option = text[k];
      if (std::string_view("cWisIMwtQpmS").find(option) != std::string_view::npos) {
        std::string value = text.substr(k + 1);
        if (value.empty() && ++i < words.size()) value = words[i].text;
        if (value.empty()) {
          return std::unexpected(
              fmt::format("ping: option requires an argument -- '{}'\n{}", option, iputils_usage));
        }
        if (auto error = apply_iputils(request, option, value); !error.empty()) return std::unexpected(error);
        break;
      }
      if (option == '4' || option == '6') {
        ipv6 = option == '6';
      } else if (option == 'q') {
        request.quiet = true;
      } else if (option == 'O') {
        request.report_outstanding = true;
      } else if (std::string_view("nvUdDabB").find(option) == std::string_view::npos) {
        return std::unexpected(fmt::format("ping: invalid option -- '{}'\n{}", option, iputils_usage));
      }
    }
  }
  if (request.target.empty())
    return std::unexpected(std::string("ping: usage error: Destination address required\n"));
  if (ipv6 && !*ipv6 && is_ipv6_text(request.target)) {
    return std::unexpected(
        fmt::format("ping: {}: Address family for hostname not supported\n", request.target));
  }
  if (ipv6 && *ipv6 && is_ipv4_text(request.target)) {
    return std::unexpected(
        fmt::format("ping: {}: Address family for hostname not supported\n", request.target));
  }
  request.ipv6 = ipv6.value_or(is_ipv6_text(request.target));
  return request;
}

}  // namespace linewatch::sim
