// The ping of iputils, as Linux has it and as EOS calls it.

#include <fmt/format.h>

#include "tests/sim/router/ping_clock.hpp"

namespace linewatch::sim {
namespace {

class IputilsPing : public ClockPing {
 public:
  using ClockPing::ClockPing;

 protected:
  std::string header() const override {
    const std::string& source = request().source;
    const int size = request().size;
    std::string from;
    if (is_ipv4_text(source) || is_ipv6_text(source)) {
      from = " from " + source + " :";
    } else if (!source.empty()) {
      from = fmt::format(" from {} {}:", own_address(request().ipv6), source);
    }
    if (request().ipv6)
      return fmt::format("PING {}({}){} {} data bytes\n", target().name, target().address, from, size);
    return fmt::format("PING {} ({}){} {}({}) bytes of data.\n", target().name, target().address, from, size,
                       size + 28);
  }

  std::string reply(int sequence, Micros round_trip) const override {
    return fmt::format("{} bytes from {}: icmp_seq={} ttl=64 time={} ms\n", request().size + 8,
                       target().address, sequence + 1, short_time(round_trip));
  }

  std::string failure(int sequence, Failure why) const override {
    switch (why) {
      case Failure::timed_out:
        return fmt::format("no answer yet for icmp_seq={}\n", sequence + 1);
      case Failure::too_big:
        return fmt::format("ping: local error: message too long, mtu={}\n", target().target.mtu);
      case Failure::no_route:
        return "ping: sendmsg: Network is unreachable\n";
      case Failure::unreachable:
        break;
    }
    return fmt::format("From {} icmp_seq={} Destination Host Unreachable\n", gateway(request().ipv6),
                       sequence + 1);
  }

  std::string footer(int sent) const override {
    const int received = figures().received();
    std::string text = fmt::format("\n--- {} ping statistics ---\n{} packets transmitted, {} received",
                                   target().name, sent, received);
    if (errors() > 0) text += fmt::format(", +{} errors", errors());
    text += fmt::format(", {:.6g}% packet loss, time {}ms\n", loss_percent(sent, received),
                        elapsed(sent).count() / 1000);
    if (received == 0) return text + "\n";
    return text +
           fmt::format("rtt min/avg/max/mdev = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms", ms(figures().min()),
                       ms(figures().mean()), ms(figures().max()), figures().deviation() / 1000) +
           after_times(sent) + "\n";
  }

  virtual std::string after_times(int) const { return {}; }

 private:
  static std::string short_time(Micros round_trip) {
    const auto us = round_trip.count();
    const double time = ms(us);
    if (us >= 99950) return fmt::format("{:.0f}", time);
    if (us >= 9995) return fmt::format("{:.1f}", time);
    if (us >= 1000) return fmt::format("{:.2f}", time);
    return fmt::format("{:.3f}", time);
  }
};

// EOS: the next probe goes when the reply came, and the line of times has one more pair.
class EosPing : public IputilsPing {
 public:
  using IputilsPing::IputilsPing;

 protected:
  bool adaptive() const override { return true; }
  std::string after_times(int sent) const override {
    if (sent < 2) return {};
    return fmt::format(", ipg/ewma {:.3f}/{:.3f} ms", ms(elapsed(sent).count()) / (sent - 1),
                       ms(figures().mean()));
  }
};

}  // namespace

std::unique_ptr<Program> make_iputils_ping(const PingRequest& request, const Resolved& target,
                                           Probes probes) {
  return std::make_unique<IputilsPing>(request, target, std::move(probes));
}

std::unique_ptr<Program> make_eos_ping(const PingRequest& request, const Resolved& target, Probes probes) {
  return std::make_unique<EosPing>(request, target, std::move(probes));
}

}  // namespace linewatch::sim
