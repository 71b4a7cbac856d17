// The pings of VRP and Comware.

#include <fmt/format.h>

#include "tests/sim/router/ping_interval.hpp"

namespace linewatch::sim {
namespace {

class VrpPing : public IntervalPing {
 public:
  using IntervalPing::IntervalPing;

 protected:
  std::string header() const override {
    return fmt::format("  PING {}{}: {}  data bytes, press CTRL_C to break\n", target().address,
                       request().ipv6 ? " " : "", request().size);
  }
  std::string reply(int sequence, Micros round_trip) const override {
    const auto time = round_trip.count() / 1000;
    if (request().ipv6) {
      return fmt::format("    Reply from {} \n    bytes={} Sequence={} hop limit=64 time={} ms\n",
                         target().address, request().size, sequence + 1, time);
    }
    return fmt::format("    Reply from {}: bytes={} Sequence={} ttl=254 time={} ms\n", target().address,
                       request().size, sequence + 1, time);
  }
  std::string failure(int, Failure, Micros) const override { return "    Request time out\n"; }
  std::string footer(int sent) const override {
    std::string text = fmt::format(
        "\n  --- {} ping statistics ---\n    {} packet(s) transmitted\n    {} packet(s) received\n"
        "    {:.2f}% packet loss\n",
        target().address, sent, figures().received(), loss_percent(sent, figures().received()));
    if (figures().received() > 0) {
      text += fmt::format("    round-trip min/avg/max = {}/{}/{} ms\n", figures().min() / 1000,
                          figures().mean() / 1000, figures().max() / 1000);
    }
    return text + "\n";
  }
};

class ComwarePing : public IntervalPing {
 public:
  using IntervalPing::IntervalPing;

 protected:
  std::string header() const override {
    if (request().ipv6) {
      const std::string source = request().source.empty() ? "2001:DB8::1" : request().source;
      return fmt::format("Ping6({} data bytes) {} --> {}, press CTRL+C to break\n", request().size, source,
                         target().address);
    }
    const std::string source = request().source.empty() ? "" : " from " + request().source;
    return fmt::format("Ping {} ({}){}: {} data bytes, press CTRL+C to break\n", target().name,
                       target().address, source, request().size);
  }
  std::string reply(int sequence, Micros round_trip) const override {
    return fmt::format("{} bytes from {}{} icmp_seq={} {} time={:.3f} ms\n", request().size, target().address,
                       request().ipv6 ? "," : ":", sequence, request().ipv6 ? "hlim=64" : "ttl=254",
                       ms(round_trip.count()));
  }
  std::string failure(int, Failure, Micros) const override { return "Request time out\n"; }
  std::string footer(int sent) const override {
    const std::string vpn = request().vrf.empty() ? "" : " in VPN instance " + request().vrf;
    std::string text = fmt::format(
        "\n--- Ping{} statistics for {}{} ---\n{} packet(s) transmitted, {} packet(s) received, {:.1f}% "
        "packet "
        "loss\n",
        request().ipv6 ? "6" : "", target().name, vpn, sent, figures().received(),
        loss_percent(sent, figures().received()));
    if (figures().received() > 0) {
      text += fmt::format("round-trip min/avg/max/std-dev = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms\n",
                          ms(figures().min()), ms(figures().mean()), ms(figures().max()),
                          figures().deviation() / 1000);
    }
    return text;
  }
};

}  // namespace

std::unique_ptr<Program> make_vrp_ping(const PingRequest& request, const Resolved& target, Probes probes) {
  return std::make_unique<VrpPing>(request, target, std::move(probes));
}

std::unique_ptr<Program> make_comware_ping(const PingRequest& request, const Resolved& target,
                                           Probes probes) {
  return std::make_unique<ComwarePing>(request, target, std::move(probes));
}

}  // namespace linewatch::sim
