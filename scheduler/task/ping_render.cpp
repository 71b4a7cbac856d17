// A line becomes the command to type on its router.

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "config/address.hpp"
#include "scheduler/task/ping.hpp"

namespace linewatch::scheduler {

namespace {

using config::PingOption;
using Text = std::expected<std::string, std::string>;
using Lines = std::expected<std::vector<std::string>, std::string>;

std::unexpected<std::string> cannot(const config::Platform& platform, std::string_view what) {
  return std::unexpected(fmt::format("{} cannot say {}", platform.name, what));
}

std::string replaced(std::string text, std::string_view place, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += with.size()) {
    text.replace(at, place.size(), with);
  }
  return text;
}

// The option with a text value: an address, an interface, a VRF.
Text with_text(const PingOption& option, std::string_view what, const std::string& value) {
  if (option.accepts && !RE2::FullMatch(value, option.accepts.re())) {
    return std::unexpected(fmt::format("{} '{}' is not one that the platform takes", what, value));
  }
  return replaced(option.text, "{value}", value);
}

Text with_number(const PingOption& option, std::string_view what, double value) {
  if ((option.min && value < *option.min) || (option.max && value > *option.max)) {
    return std::unexpected(fmt::format("{} {} is outside {}..{}", what, value, option.min.value_or(0),
                                       option.max.value_or(HUGE_VAL)));
  }
  return replaced(option.text, "{value}", fmt::format("{:.10g}", value));
}

Text with_duration(const PingOption& option, std::string_view what, config::Duration value) {
  const auto milliseconds = static_cast<double>(value.count());
  if (option.unit != PingOption::Unit::seconds) return with_number(option, what, milliseconds);
  if (!option.fraction && value.count() % 1000 != 0) {
    return std::unexpected(fmt::format("{} {} has a fraction of a second, which the platform cannot say",
                                       what, config::format_duration(value)));
  }
  return with_number(option, what, milliseconds / 1000);
}

// Fills the places of a ping's lines; remembers the first thing that cannot be said.
class Rendering {
 public:
  Rendering(const config::PingSyntax& syntax, const config::Platform& platform, bool privileged)
      : platform_(platform), privileged_(privileged) {
    for (const std::string& line : syntax.before) lines_ += line + '\n';
    lines_ += syntax.command;
  }

  void fill(std::string_view name, const Text& text) {
    if (!text && error_.empty()) error_ = text.error();
    lines_ = replaced(std::move(lines_), fmt::format("{{{}}}", name), text ? *text : "");
  }
  void leave_out(std::string_view name) { fill(name, Text("")); }
  bool has_place(std::string_view name) const { return lines_.contains(fmt::format("{{{}}}", name)); }
  void refuse(std::string_view what) {
    fill("", privileged_
                 ? cannot(platform_, what)
                 : std::unexpected(fmt::format(
                       "a session of {} without '{}' cannot say {} (its credential needs an "
                       "enable_password)",
                       platform_.name, platform_.cli.enable ? platform_.cli.enable->command : "", what)));
  }

  Lines lines() && {
    if (!error_.empty()) return std::unexpected(std::move(error_));
    std::vector<std::string> lines;
    for (std::size_t at = 0; at <= lines_.size();) {
      const std::size_t end = std::min(lines_.find('\n', at), lines_.size());
      if (end > at) lines.push_back(lines_.substr(at, end - at));  // a wish that is not there has no line
      at = end + 1;
    }
    return lines;
  }

 private:
  std::string lines_, error_;
  const config::Platform& platform_;
  bool privileged_;
};

void fill_source(Rendering& rendering, const config::Line& line, const config::PingSyntax& syntax,
                 bool ipv6) {
  const bool address = config::is_ip(line.source);
  const auto& option = address ? syntax.source : syntax.source_interface;
  const std::string_view own_place = address ? "source_address" : "source_interface";
  if (line.source.empty()) {
    // nothing to say
  } else if (!address && !config::is_interface_name(line.source)) {
    rendering.fill(
        "", std::unexpected(fmt::format("source '{}' is neither an address nor an interface", line.source)));
  } else if (!option) {
    rendering.refuse(address ? "a source address" : "a source interface");
  } else if (address && config::is_ipv6(line.source) != ipv6) {
    rendering.fill(
        "", std::unexpected(fmt::format("source {} and target are of different families", line.source)));
  } else {
    const Text text = with_text(*option, "source", line.source);
    rendering.fill(rendering.has_place("source") ? "source" : own_place, text);
  }
  for (const std::string_view place : {"source", "source_address", "source_interface"})
    rendering.leave_out(place);
}

void fill_size(Rendering& rendering, const config::Line& line, const config::PingSyntax& syntax, bool ipv6) {
  if (!line.size) return rendering.fill("size", Text(syntax.size ? syntax.size->otherwise : ""));
  if (!syntax.size) return rendering.refuse("a size");
  const int headers = ipv6 ? 48 : 28;  // IP and ICMP
  const int octets = *line.size - syntax.size->headers_left_out(ipv6);
  if (*line.size < headers) {
    return rendering.fill(
        "size", std::unexpected(fmt::format("size {} is less than the headers' {}", *line.size, headers)));
  }
  rendering.fill("size", with_number(*syntax.size, "size", octets));
}

void fill_vrf(Rendering& rendering, const config::Line& line, const config::PingSyntax& syntax) {
  if (line.vrf.empty()) return rendering.fill("vrf", Text(syntax.vrf ? syntax.vrf->otherwise : ""));
  if (!config::is_vrf_name(line.vrf))
    return rendering.fill("vrf", std::unexpected("'" + line.vrf + "' is no VRF name"));
  if (!syntax.vrf) return rendering.refuse("a VRF");
  rendering.fill("vrf", with_text(*syntax.vrf, "VRF", line.vrf));
}

void fill_marking(Rendering& rendering, const config::Line& line, const config::PingSyntax& syntax) {
  if (line.df && !syntax.df) rendering.refuse("do-not-fragment");
  rendering.fill("df", Text(!syntax.df ? "" : line.df ? syntax.df->text : syntax.df->otherwise));
  if (line.dscp == 0) return rendering.fill("dscp", Text(syntax.dscp ? syntax.dscp->otherwise : ""));
  if (!syntax.dscp) return rendering.refuse("a dscp");
  const bool whole_octet = syntax.dscp->unit == PingOption::Unit::traffic_class;
  rendering.fill("dscp", with_number(*syntax.dscp, "dscp", line.dscp * (whole_octet ? 4 : 1)));
}

}  // namespace

std::expected<std::vector<std::string>, std::string> render_ping(const config::Line& line,
                                                                 const config::Platform& platform,
                                                                 const std::string& address,
                                                                 bool privileged) {
  if (!config::is_ip(address) && !config::is_host_name(address)) {
    return std::unexpected(fmt::format("target '{}' is neither an address nor a host name", address));
  }
  const bool ipv6 = config::is_ip(address) ? config::is_ipv6(address) : line.family == 6;
  const config::PingProfile& ping = platform.ping;
  const auto& usual = ipv6 ? ping.ipv6 : ping.ipv4;
  const auto& humble = ipv6 ? ping.unprivileged_ipv6 : ping.unprivileged_ipv4;
  const auto& syntax = !privileged && humble ? humble : usual;
  if (!syntax) return cannot(platform, ipv6 ? "an IPv6 ping" : "an IPv4 ping");

  Rendering rendering(*syntax, platform, &syntax == &usual);
  const auto number = [&](const std::optional<PingOption>& option, std::string_view name, auto&& text) {
    if (option) return rendering.fill(name, text(*option));
    rendering.leave_out(name);
  };
  number(syntax->count, "count",
         [&](const PingOption& option) { return with_number(option, "count", line.count); });
  number(syntax->timeout, "timeout",
         [&](const PingOption& option) { return with_duration(option, "timeout", line.timeout); });
  number(syntax->interval, "interval", [&](const PingOption& option) {
    return with_duration(option, "probe interval", platform.ping.probe_interval);
  });
  fill_size(rendering, line, *syntax, ipv6);
  fill_source(rendering, line, *syntax, ipv6);
  fill_vrf(rendering, line, *syntax);
  fill_marking(rendering, line, *syntax);
  rendering.fill("target", Text(address));
  return std::move(rendering).lines();
}

}  // namespace linewatch::scheduler
