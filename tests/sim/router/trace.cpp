#include "tests/sim/router/trace.hpp"

#include <fmt/format.h>

#include "tests/sim/router/ping_figures.hpp"

namespace linewatch::sim {
namespace {

constexpr int hops = 3;

// How one hop is written: "  1 192.0.2.254 4 msec".
struct Hop {
  int width = 2;                  // of its number
  const char* gap = "  ";         // before the address and before each time
  bool name_and_address = false;  // 192.0.2.254 (192.0.2.254)
  int decimals = 3;               // of the times, in milliseconds
  const char* unit = " ms";
  const char* unreachable = "!H";  // instead of a time, or after one
};

Hop hop_of(PlatformKind platform) {
  switch (platform) {
    case PlatformKind::cisco_iosxe:
      return {3, " ", false, 0, " msec", "H"};
    case PlatformKind::cisco_iosxr:
      return {2, " ", false, 0, " msec", "H"};
    case PlatformKind::huawei_vrp:
      return {2, " ", false, 0, " ms", "!H"};
    case PlatformKind::nokia_sros:
    case PlatformKind::nokia_sros_classic:
      return {3, "  ", false, 2, " ms", "!H"};
    case PlatformKind::cisco_nxos:
    case PlatformKind::arista_eos:
    case PlatformKind::h3c_comware:
    case PlatformKind::frr:
      return {.name_and_address = true};
    case PlatformKind::juniper_junos:
    case PlatformKind::fortinet_fortios:
    case PlatformKind::linux_shell:
    case PlatformKind::mikrotik_routeros:
      break;
  }
  return {};
}

std::string heading_of(PlatformKind platform, bool ipv6, const Resolved& target) {
  const auto to = [&](const char* rest) {
    return fmt::format("traceroute to {} ({}), {}\n", target.name, target.address, rest);
  };
  switch (platform) {
    case PlatformKind::cisco_iosxe:
      return fmt::format("Type escape sequence to abort.\nTracing the route to {}\n{}", target.address,
                         ipv6 ? "\n" : "VRF info: (vrf in name/id, vrf out name/id)\n");
    case PlatformKind::cisco_iosxr:
      return fmt::format("\nType escape sequence to abort.\nTracing the route to {}\n\n", target.address);
    case PlatformKind::huawei_vrp:
      return fmt::format(" traceroute to  {}({}), max hops: 30 ,packet length: 40,press CTRL_C to break \n",
                         target.name, target.address);
    case PlatformKind::h3c_comware:
      return to("30 hops at most, 40 bytes each packet, press CTRL+C to break");
    case PlatformKind::cisco_nxos:
      return to("30 hops max, 48 byte packets");
    case PlatformKind::juniper_junos:
      if (!ipv6) return to("30 hops max, 52 byte packets");
      return fmt::format("traceroute6 to {} ({}) from {}, 30 hops max, 12 byte packets\n", target.name,
                         target.address, own_address(true));
    case PlatformKind::fortinet_fortios:
      return to("32 hops max, 3 probe packets per hop, 84 byte packets");
    case PlatformKind::nokia_sros:
    case PlatformKind::nokia_sros_classic:
      return fmt::format("traceroute to {}, 30 hops max, 40 byte packets\n", target.name);
    case PlatformKind::mikrotik_routeros:
      return fmt::format("  # {:<38} {:>5} {:>4} {:>8} {:>7} {:>7} {:>7} {:>7} STATUS\n", "ADDRESS", "LOSS",
                         "SENT", "LAST", "AVG", "BEST", "WORST", "STD-DEV");
    case PlatformKind::arista_eos:
    case PlatformKind::linux_shell:
    case PlatformKind::frr:
      break;
  }
  return to(ipv6 ? "30 hops max, 80 byte packets" : "30 hops max, 60 byte packets");
}

class Trace : public Program {
 public:
  Trace(PlatformKind platform, const PingRequest& request, const Resolved& target, const Probe& last)
      : platform_(platform), request_(request), target_(target), last_(last) {}

  std::optional<Step> next() override {
    if (number_ == 0) {
      number_ = 1;
      return Step{Micros(0), heading_of(platform_, request_.ipv6, target_)};
    }
    if (number_ > hops) return std::nullopt;
    const Micros took = last_.round_trip * number_ / hops;
    at_ += took * probes();
    Step step{at_, hop(took)};
    ++number_;
    return step;
  }

  std::string interrupt(Micros) override {
    number_ = hops + 1;
    return "\n";
  }

 private:
  int probes() const { return request_.count.value_or(3); }
  bool reached() const { return last_.fate == Probe::Fate::reply && !target_.target.no_route; }

  std::string address() const {
    if (number_ == 1) return gateway(request_.ipv6);
    if (number_ == hops && reached()) return target_.address;
    return request_.ipv6 ? "2001:db8:ffff::1" : "203.0.113.1";
  }

  std::string hop(Micros took) const {
    const bool refused = number_ == hops && !reached();
    if (platform_ == PlatformKind::mikrotik_routeros) return row(took, refused);
    const Hop style = hop_of(platform_);
    std::string text = fmt::format("{:>{}}{}{}", number_, style.width, style.gap, address());
    if (style.name_and_address) text += " (" + address() + ")";
    const bool mark_alone = platform_ == PlatformKind::cisco_iosxe || platform_ == PlatformKind::cisco_iosxr;
    for (int i = 0; i < probes(); ++i) {
      text += style.gap;
      if (!refused || !mark_alone)
        text += fmt::format("{:.{}f}{}", ms(took.count()), style.decimals, style.unit);
      if (refused) text += fmt::format("{}{}", mark_alone ? "" : " ", style.unreachable);
    }
    return text + "\n";
  }

  std::string row(Micros took, bool refused) const {
    const std::string time = fmt::format("{:.1f}", ms(took.count()));
    return fmt::format("{:>3} {:<38} {:>5} {:>4} {:>8} {:>7} {:>7} {:>7} {:>7} {}\n", number_, address(),
                       "0%", probes(), time + "ms", time, time, time, 0, refused ? "host unreachable" : "");
  }

  PlatformKind platform_;
  PingRequest request_;
  Resolved target_;
  Probe last_;
  int number_ = 0;  // of the next hop
  Micros at_{0};
};

}  // namespace

std::unique_ptr<Program> make_trace(PlatformKind platform, const PingRequest& request, const Resolved& target,
                                    const Probe& last) {
  return std::make_unique<Trace>(platform, request, target, last);
}

}  // namespace linewatch::sim
