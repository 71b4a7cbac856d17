#include "tests/sim/router/network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace linewatch::sim {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return h;
}

// A made-up address of the benchmarking block for a name that has none given.
std::string made_up(const std::string& name, bool ipv6) {
  const std::uint64_t h = hash(name);
  const auto a = std::to_string(h % 254 + 1);
  const auto b = std::to_string(h / 254 % 254 + 1);
  return ipv6 ? "2001:db8::" + b + ":" + a : "198.18." + b + "." + a;
}

bool contains(const std::optional<std::vector<std::string>>& list, const std::string& item) {
  return !list ||
         std::ranges::any_of(*list, [&](const std::string& one) { return lower(one) == lower(item); });
}

}  // namespace

bool is_ipv4_text(std::string_view text) {
  in_addr out{};
  return inet_pton(AF_INET, std::string(text).c_str(), &out) == 1;
}

bool is_ipv6_text(std::string_view text) {
  in6_addr out{};
  return inet_pton(AF_INET6, std::string(text).c_str(), &out) == 1;
}

double Probes::uniform() {
  // splitmix64: small, and the same everywhere, which the distributions of the standard library are not.
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1.0p-53;
}

Probe Probes::next() {
  const double spread = uniform() * 2 - 1;  // drawn for every probe, so that loss does not shift the delays
  const bool lost = uniform() < target_.loss;
  Probe probe;
  const auto jitter = Micros(static_cast<Micros::rep>(spread * static_cast<double>(target_.jitter.count())));
  probe.round_trip = std::max(target_.delay + jitter, Micros(0));
  if (!target_.pattern.empty()) {
    const char mark = target_.pattern[sequence_ % target_.pattern.size()];
    probe.fate = mark == '!'   ? Probe::Fate::reply
                 : mark == 'U' ? Probe::Fate::unreachable
                               : Probe::Fate::lost;
  } else if (target_.unreachable) {
    probe.fate = Probe::Fate::unreachable;
  } else if (lost) {
    probe.fate = Probe::Fate::lost;
  }
  ++sequence_;
  return probe;
}

std::optional<Resolved> Network::resolve(const std::string& name, bool ipv6) const {
  const bool literal = is_ipv4_text(name) || is_ipv6_text(name);
  for (const auto& [key, target] : router_.targets) {
    if (key == "*" || lower(key) != lower(name)) continue;
    std::string address = name;
    if (!literal) address = target.address.empty() ? made_up(lower(name), ipv6) : target.address;
    return Resolved{name, address, target};
  }
  if (!literal) return std::nullopt;
  const auto any = router_.targets.find("*");
  return Resolved{name, name, any == router_.targets.end() ? Target{} : any->second};
}

Probes Network::probes(const Resolved& target) {
  const std::uint64_t nth = pings_[lower(target.name)]++;
  return {target.target,
          router_.seed * 0x9e3779b97f4a7c15U ^ hash(router_.name) ^ hash(lower(target.name)) ^ (nth << 20U)};
}

bool Network::has_vrf(const std::string& vrf) const {
  return contains(router_.vrfs, vrf);
}
bool Network::has_source(const std::string& source) const {
  return contains(router_.sources, source);
}

}  // namespace linewatch::sim
