#pragma once
// The pings of the platforms as programs: their pacing, their texts, and figures computed from each probe's
// fate. IOS, XR and NX-OS send the next probe when the reply came or the time-out is over; VRP, Comware, SR
// OS and RouterOS also keep an interval; iputils, EOS, Junos and FortiOS send by the clock and count what
// comes back until they give up.

#include <memory>

#include "tests/sim/router/network.hpp"
#include "tests/sim/router/program.hpp"

namespace linewatch::sim {

struct PingRequest {
  std::string target;  // as typed
  bool ipv6 = false;
  std::string vrf;
  std::string source;
  std::optional<int> count = 5;  // nothing: until it is interrupted
  int size = 100;                // IOS, XR: the whole IP packet; all others: payload
  Micros timeout{2'000'000};
  Micros interval{0};
  std::optional<Micros> deadline;  // iputils -w
  bool df = false;
  bool quiet = false;
  bool report_outstanding = false;  // iputils -O
  std::string log_line;             // printed once, after the second probe
};

std::unique_ptr<Program> make_ios_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_xr_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_nxos_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_junos_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_eos_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_routeros_ping(const PingRequest& request, const Resolved& target,
                                            Probes probes);
std::unique_ptr<Program> make_fortios_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_sros_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_vrp_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_comware_ping(const PingRequest& request, const Resolved& target, Probes probes);
std::unique_ptr<Program> make_iputils_ping(const PingRequest& request, const Resolved& target, Probes probes);

}  // namespace linewatch::sim
