#include <fmt/format.h>

#include "config/address.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

struct Check {
  const Reader& reader;
  const Line& line;
  const Platform& platform;

  void cannot(std::string_view key, std::string_view what) const {
    reader.error(key, fmt::format("the ping of {} can't say {}", platform.name, what));
  }

  void accepts(std::string_view key, const PingOption& option, const std::string& value) const {
    if (!option.accepts || RE2::FullMatch(value, option.accepts.re())) return;
    cannot(key, fmt::format("'{}' (it takes {})", value, option.accepts.text()));
  }

  // `written` turns a bound of {value} into what stands in the file.
  template <typename Written>
  void within(std::string_view key, const PingOption& option, double value, Written written) const {
    if ((!option.min || value >= *option.min) && (!option.max || value <= *option.max)) return;
    const std::string least = option.min ? fmt::format(" from {}", written(*option.min)) : "";
    const std::string most = option.max ? fmt::format(" up to {}", written(*option.max)) : "";
    reader.error(key,
                 fmt::format("out of range for the ping of {}, which takes{}{}", platform.name, least, most));
  }
};

std::string plain(double value) {
  return fmt::format("{:.10g}", value);
}

void check_timeout(const Check& check, const PingOption& option) {
  const Duration timeout = check.line.timeout;
  const bool seconds = option.unit == PingOption::Unit::seconds;
  if (seconds && !option.fraction && timeout.count() % 1000 != 0) {
    const auto below = std::chrono::floor<std::chrono::seconds>(timeout);
    check.cannot("timeout", fmt::format("a fraction of a second (write {}{} in place of {})",
                                        below > 0s ? format_duration(below) + " or " : "",
                                        format_duration(below + 1s), format_duration(timeout)));
    return;
  }
  const double milliseconds_each = seconds ? 1000.0 : 1.0;
  check.within("timeout", option, static_cast<double>(timeout.count()) / milliseconds_each,
               [&](double bound) {
                 return format_duration(Duration(static_cast<Duration::rep>(bound * milliseconds_each)));
               });
}

void check_size(const Check& check, const PingSyntax& syntax) {
  if (!check.line.size) return;
  if (!syntax.size) return check.cannot("size", "a size");
  const int headers = check.line.family == 6 ? 48 : 28;  // IP and ICMP, without options
  if (*check.line.size < headers) {
    check.reader.error("size", fmt::format("{} is less than the {} octets of the headers of an IPv{} ping",
                                           *check.line.size, headers, check.line.family));
    return;
  }
  const int shift = syntax.size->headers_left_out(check.line.family == 6);
  check.within("size", *syntax.size, *check.line.size - shift,
               [&](double bound) { return plain(bound + shift); });
}

void check_source(const Check& check, const PingSyntax& syntax) {
  const std::string& source = check.line.source;
  if (source.empty()) return;
  if (!is_ip(source)) {
    if (!syntax.source_interface)
      return check.cannot("source", "a source interface (write the source's address)");
    return check.accepts("source", *syntax.source_interface, source);
  }
  if (!syntax.source) return check.cannot("source", "a source address");
  if (is_ipv6(source) != (check.line.family == 6)) {
    check.reader.error("source", fmt::format("{} does not fit a target of IPv{}", source, check.line.family));
  }
}

}  // namespace

void check_ping(const Reader& reader, const Line& line, const Router& router) {
  const Platform& platform = *router.platform;
  const Check check{reader, line, platform};
  const auto& syntax = line.family == 6 ? platform.ping.ipv6 : platform.ping.ipv4;
  if (!syntax) return check.cannot("target", fmt::format("an IPv{} target", line.family));
  if (router.protocol == Protocol::exec && !syntax->before.empty()) {
    reader.error("router", fmt::format("the ping of {} is several commands of one session: its router needs "
                                       "protocol: cli",
                                       platform.name));
  }
  if (syntax->count) check.within("count", *syntax->count, std::max(line.count, line.warmup), plain);
  if (syntax->timeout) check_timeout(check, *syntax->timeout);
  check_size(check, *syntax);
  check_source(check, *syntax);
  if (!line.vrf.empty() && !syntax->vrf) check.cannot("vrf", "a VRF");
  if (!line.vrf.empty() && syntax->vrf) check.accepts("vrf", *syntax->vrf, line.vrf);
  if (line.df && !syntax->df) check.cannot("df", "df");
  if (line.dscp != 0) {
    if (!syntax->dscp) return check.cannot("dscp", "a dscp");
    const int each = syntax->dscp->unit == PingOption::Unit::traffic_class ? 4 : 1;
    check.within("dscp", *syntax->dscp, line.dscp * each, [&](double bound) { return plain(bound / each); });
  }
}

}  // namespace linewatch::config
