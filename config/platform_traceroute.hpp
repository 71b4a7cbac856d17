#pragma once
// How a platform traces the route to a line's target: the key `traceroute:` of its profile. A part of the
// platform, as immutable and shared as that.

#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace linewatch::config {

class Reader;

struct TracerouteProfile {
  // "traceroute{vrf} {target}{source} probe 1": each place is replaced by the option's text, or by nothing
  // where the line has no such wish. Empty: the platform has none for that family. A command should ask each
  // hop once and wait for a second at most: the agent ends it after a minute.
  std::string ipv4, ipv6;
  // By name (vrf, source, source_interface; the last two share the place {source}): " vrf {value}". A wish
  // without a text cannot be said.
  using Options = std::map<std::string, std::string, std::less<>>;
  Options options, options_ipv6;

  // The command to type. The error is one clause: what the platform cannot say. `target`, `source` and `vrf`
  // are data: whatever is no address, host name, interface or VRF name is refused.
  std::expected<std::string, std::string> command(std::string_view target, bool ipv6_target,
                                                  std::string_view source, std::string_view vrf) const;
  bool operator==(const TracerouteProfile&) const = default;
};

// What is written in `traceroute` goes over what `profile` holds.
void read_traceroute(Reader& traceroute, TracerouteProfile& profile);

}  // namespace linewatch::config
