#include <fmt/format.h>

#include "tests/sim/router/ping_interval.hpp"

namespace linewatch::sim {
namespace {

// Three significant digits, in milliseconds: 0.500, 1.93, 13.5, 120.
std::string three_digits(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  if (value >= 0.9995) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3f}", value);
}

class SrosPing : public IntervalPing {
 public:
  using IntervalPing::IntervalPing;

 protected:
  std::string header() const override {
    return fmt::format("PING {} {} data bytes\n", target().name, request().size);
  }

  std::string reply(int sequence, Micros round_trip) const override {
    return fmt::format("{} bytes from {}{} icmp_seq={} {}=64 time={}ms.\n", request().size + 8,
                       target().address, request().ipv6 ? "" : ":", sequence + 1,
                       request().ipv6 ? "hlim" : "ttl", three_digits(ms(round_trip.count())));
  }

  std::string failure(int sequence, Failure why, Micros) const override {
    switch (why) {
      case Failure::unreachable:
        return fmt::format("{} bytes from {}: Destination Host Unreachable\n", request().size + 36,
                           gateway(request().ipv6));
      case Failure::no_route:
        return fmt::format("No route to destination. Address: {}, Router: {}\n", target().address,
                           request().vrf.empty() ? "Base" : request().vrf);
      case Failure::too_big:
        return "Send failed. Packet size exceeds the MTU of the interface\n";
      case Failure::timed_out:
        break;
    }
    return fmt::format("Request timed out. icmp_seq={}.\n", sequence + 1);
  }

  std::string footer(int sent) const override {
    const int received = figures().received();
    const double loss = loss_percent(sent, received);
    const std::string percent = loss > 0 ? three_digits(loss) : "0.00";
    std::string text = fmt::format("\n---- {} PING Statistics ----\n{}, {}, {}% packet loss\n", target().name,
                                   packets(sent) + " transmitted", packets(received) + " received", percent);
    if (received == 0) return text;
    return text + fmt::format("round-trip min = {}ms, avg = {}ms, max = {}ms, stddev = {}ms\n",
                              three_digits(ms(figures().min())), three_digits(ms(figures().mean())),
                              three_digits(ms(figures().max())), three_digits(figures().deviation() / 1000));
  }

  std::string aborted() const override { return "ping aborted by user\n"; }

 private:
  static std::string packets(int number) {
    return fmt::format("{} packet{}", number, number == 1 ? "" : "s");
  }
};

}  // namespace

std::unique_ptr<Program> make_sros_ping(const PingRequest& request, const Resolved& target, Probes probes) {
  return std::make_unique<SrosPing>(request, target, std::move(probes));
}

}  // namespace linewatch::sim
