#include "tests/sim/router/dialect.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace linewatch::sim {
namespace {

constexpr std::array<std::pair<const char*, PlatformKind>, 5> platform_names{{
    {"cisco_iosxe", PlatformKind::cisco_iosxe},
    {"huawei_vrp", PlatformKind::huawei_vrp},
    {"h3c_comware", PlatformKind::h3c_comware},
    {"linux", PlatformKind::linux_shell},
    {"frr", PlatformKind::frr},
}};

}  // namespace

std::optional<PlatformKind> platform_kind(const std::string& name) {
  for (const auto& [text, kind] : platform_names) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

std::string platform_name(PlatformKind kind) {
  for (const auto& [text, one] : platform_names) {
    if (one == kind) return text;
  }
  return "unknown";
}

std::unique_ptr<Dialect> make_dialect(const RouterConfig& router, Network& network) {
  switch (router.platform) {
    case PlatformKind::huawei_vrp:
      return make_vrp(router, network);
    case PlatformKind::h3c_comware:
      return make_comware(router, network);
    case PlatformKind::linux_shell:
      return make_linux(router, network);
    case PlatformKind::frr:
      return make_frr(router, network);
    case PlatformKind::cisco_iosxe:
      break;
  }
  return make_ios(router, network);
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
