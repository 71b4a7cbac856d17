#pragma once
// The network as one router sees it: what a target's name means and how each probe to it fares.
// Deterministic: the same seed, target and count of earlier pings give the same outcomes. Owned by the
// router, shared by its sessions.

#include <string>
#include <string_view>

#include "tests/sim/router/config.hpp"

namespace linewatch::sim {

bool is_ipv4_text(std::string_view text);
bool is_ipv6_text(std::string_view text);

struct Probe {
  enum class Fate { reply, lost, unreachable };
  Fate fate = Fate::reply;
  Micros round_trip{0};  // of the reply or of the unreachable
};

// The outcomes of one ping's probes, in order.
class Probes {
 public:
  Probes(const Target& target, std::uint64_t seed) : target_(target), state_(seed) {}
  Probe next();

 private:
  double uniform();  // [0, 1)

  Target target_;
  std::uint64_t state_;
  std::size_t sequence_ = 0;
};

struct Resolved {
  std::string name;     // as typed
  std::string address;  // what it means
  Target target;
};

class Network {
 public:
  explicit Network(const RouterConfig& router) : router_(router) {}

  // Nothing if the name means nothing here. IPv6 addresses compare as text, in lower case.
  std::optional<Resolved> resolve(const std::string& name, bool ipv6) const;
  Probes probes(const Resolved& target);  // of the next ping to it

  bool has_vrf(const std::string& vrf) const;
  bool has_source(const std::string& source) const;

 private:
  const RouterConfig& router_;
  std::map<std::string, std::uint64_t> pings_;
};

}  // namespace linewatch::sim
