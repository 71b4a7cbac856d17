#include "config/platform_traceroute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/address.hpp"
#include "config/loading.hpp"
#include "config/platform_profile.hpp"

namespace linewatch::config {

namespace {

constexpr std::size_t longest_command = 400;  // octets, as anything typed
constexpr std::array<std::string_view, 3> option_names = {"vrf", "source", "source_interface"};
constexpr std::array<std::string_view, 3> places = {"target", "vrf", "source"};

void read_options(Reader& traceroute, std::string_view key,
                  std::initializer_list<TracerouteProfile::Options*> families) {
  Reader options(traceroute, key, traceroute.submap(key));
  for (const std::string_view name : option_names) {
    if (!options.find(name)) continue;
    std::string text;
    options.text_or_none(name, text);  // null takes away what the extended profile has
    const bool fine =
        text.empty() || (is_one_line(text, longest_command) && text.find("{value}") != text.npos);
    if (!fine) options.error(name, "must be one line that holds {value}, as ' vrf {value}'");
    for (TracerouteProfile::Options* family : families) (*family)[std::string(name)] = text;
  }
  options.finish();
}

void read_command(Reader& traceroute, std::string_view key, std::string& out) {
  if (!traceroute.find(key)) return;
  std::string text;
  traceroute.text_or_none(key, text);
  out = text;
  if (text.empty()) return;
  if (!is_one_line(text, longest_command))
    return traceroute.error(key, "a command is one line of 1 to 400 octets without control characters");
  for (std::size_t at = 0; (at = text.find('{', at)) != std::string::npos;) {
    const std::size_t end = text.find('}', at);
    if (end == std::string::npos) return traceroute.error(key, "a '{' without its '}'");
    const std::string_view name = std::string_view(text).substr(at + 1, end - at - 1);
    if (std::ranges::find(places, name) == places.end())
      return traceroute.error(key, fmt::format("no place {{{}}} is known{}", name, suggestion(name, places)));
    at = end;
  }
  if (text.find("{target}") == std::string::npos) traceroute.error(key, "must hold {target}");
}

void replace(std::string& text, std::string_view place, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += with.size())
    text.replace(at, place.size(), with);
}

std::unexpected<std::string> cannot(std::string_view what) {
  return std::unexpected(fmt::format("cannot say {} in a traceroute", what));
}

}  // namespace

void read_traceroute(Reader& traceroute, TracerouteProfile& profile) {
  read_options(traceroute, "options", {&profile.options, &profile.options_ipv6});
  read_options(traceroute, "options_ipv6", {&profile.options_ipv6});
  read_command(traceroute, "ipv4", profile.ipv4);
  read_command(traceroute, "ipv6", profile.ipv6);
  traceroute.finish();
}

std::expected<std::string, std::string> TracerouteProfile::command(std::string_view target, bool ipv6_target,
                                                                   std::string_view source,
                                                                   std::string_view vrf) const {
  if (!is_ip(target) && !is_host_name(target)) return cannot(fmt::format("the target '{}'", target));
  std::string text = ipv6_target ? ipv6 : ipv4;
  if (text.empty()) return cannot(ipv6_target ? "an IPv6 target" : "an IPv4 target");
  const Options& wishes = ipv6_target ? options_ipv6 : options;
  const auto wish = [&](std::string_view name, std::string_view place, std::string_view value) {
    const auto found = wishes.find(name);
    if (found == wishes.end() || found->second.empty() || text.find(place) == std::string::npos) return false;
    std::string said = found->second;
    replace(said, "{value}", value);
    replace(text, place, said);
    return true;
  };
  if (!vrf.empty() && (!is_vrf_name(vrf) || !wish("vrf", "{vrf}", vrf)))
    return cannot(fmt::format("the VRF '{}'", vrf));
  if (!source.empty()) {
    const bool address = is_ip(source);
    const bool fits = address ? is_ipv6(source) == ipv6_target : is_interface_name(source);
    if (!fits || !wish(address ? "source" : "source_interface", "{source}", source))
      return cannot(fmt::format("the source '{}'", source));
  }
  replace(text, "{vrf}", "");
  replace(text, "{source}", "");
  replace(text, "{target}", target);  // last: nothing is replaced within it
  return text;
}

}  // namespace linewatch::config
