#include "tests/sim/router/dialect.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "tests/sim/router/trace.hpp"

namespace linewatch::sim {
namespace {

constexpr std::array<std::pair<const char*, PlatformKind>, 13> names{{
    {"cisco_iosxe", PlatformKind::cisco_iosxe},
    {"cisco_iosxr", PlatformKind::cisco_iosxr},
    {"cisco_nxos", PlatformKind::cisco_nxos},
    {"huawei_vrp", PlatformKind::huawei_vrp},
    {"h3c_comware", PlatformKind::h3c_comware},
    {"juniper_junos", PlatformKind::juniper_junos},
    {"arista_eos", PlatformKind::arista_eos},
    {"nokia_sros", PlatformKind::nokia_sros},
    {"nokia_sros_classic", PlatformKind::nokia_sros_classic},
    {"mikrotik_routeros", PlatformKind::mikrotik_routeros},
    {"fortinet_fortios", PlatformKind::fortinet_fortios},
    {"linux", PlatformKind::linux_shell},
    {"frr", PlatformKind::frr},
}};

}  // namespace

std::optional<PlatformKind> platform_kind(const std::string& name) {
  for (const auto& [text, kind] : names) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

std::string platform_name(PlatformKind kind) {
  for (const auto& [text, one] : names) {
    if (one == kind) return text;
  }
  return "unknown";
}

std::string platform_names() {
  std::string text;
  for (const auto& [name, kind] : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

std::unique_ptr<Dialect> make_dialect(const RouterConfig& router, Network& network) {
  switch (router.platform) {
    case PlatformKind::cisco_iosxr:
      return make_xr(router, network);
    case PlatformKind::cisco_nxos:
      return make_nxos(router, network);
    case PlatformKind::huawei_vrp:
      return make_vrp(router, network);
    case PlatformKind::h3c_comware:
      return make_comware(router, network);
    case PlatformKind::juniper_junos:
      return make_junos(router, network);
    case PlatformKind::arista_eos:
      return make_eos(router, network);
    case PlatformKind::nokia_sros:
    case PlatformKind::nokia_sros_classic:
      return make_sros(router, network);
    case PlatformKind::mikrotik_routeros:
      return make_routeros(router, network);
    case PlatformKind::fortinet_fortios:
      return make_fortios(router, network);
    case PlatformKind::linux_shell:
      return make_linux(router, network);
    case PlatformKind::frr:
      return make_frr(router, network);
    case PlatformKind::cisco_iosxe:
      break;
  }
  return make_ios(router, network);
}

std::optional<Dialect::Trouble> Dialect::trouble(const PingRequest& request,
                                                 const std::optional<Resolved>& target) const {
  if (!request.vrf.empty() && !network_.has_vrf(request.vrf)) return Trouble::vrf;
  if (!target) return Trouble::name;
  if (!request.source.empty() && !network_.has_source(request.source)) return Trouble::source;
  return std::nullopt;
}

Reaction Dialect::start_ping(PingRequest request, MakePing make) {
  const auto target = network_.resolve(request.target, request.ipv6);
  if (const auto wrong = trouble(request, target)) return complaint(*wrong, request);
  request.log_line = router_.log_line;
  return {.program = make(request, *target, network_.probes(*target))};
}

Reaction Dialect::start_trace(const PingRequest& request) {
  const auto target = network_.resolve(request.target, request.ipv6);
  if (const auto wrong = trouble(request, target)) return complaint(*wrong, request);
  const Probe last = network_.probes(*target).next();
  return {.program = make_trace(router_.platform, request, *target, last)};
}

std::string inventory(const std::string& heading, const std::string& name) {
  std::string text = heading;
  text += fmt::format("{} uptime is 12 weeks, 3 days, 4 hours, 5 minutes\n", name);
  text += "This is a simulated router: it exists only in the memory of linewatch-sim.\n\n";
  for (int slot = 0; slot < 60; ++slot) {
    text += fmt::format("Slot {:2}: simulated line card, 4 ports, serial SIM{:05}, up, [ok] <normal> #\n",
                        slot, slot * 137 + 11);
  }
  return text + "\nConfiguration register is 0x2102\n";
}

}  // namespace linewatch::sim
