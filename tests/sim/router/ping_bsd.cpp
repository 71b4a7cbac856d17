// The pings that came from BSD: Junos and FortiOS send by the clock, NX-OS one probe at a time. A lost probe
// has a line of its own on NX-OS only.

#include <fmt/format.h>

#include "tests/sim/router/ping_clock.hpp"
#include "tests/sim/router/ping_interval.hpp"

namespace linewatch::sim {
namespace {

class JunosPing : public ClockPing {
 public:
  using ClockPing::ClockPing;

 protected:
  std::string header() const override {
    const int size = request().size;
    if (!request().ipv6)
      return fmt::format("PING {} ({}): {} data bytes\n", target().name, target().address, size);
    const std::string source = is_ipv6_text(request().source) ? request().source : own_address(true);
    return fmt::format("PING6({}=40+8+{} bytes) {} --> {}\n", size + 48, size, source, target().address);
  }

  std::string reply(int sequence, Micros round_trip) const override {
    return fmt::format("{} bytes from {}{} icmp_seq={} {}=61 time={:.3f} ms\n", request().size + 8,
                       target().address, request().ipv6 ? "," : ":", sequence,
                       request().ipv6 ? "hlim" : "ttl", ms(round_trip.count()));
  }

  std::string failure(int, Failure why) const override {
    const char* command = request().ipv6 ? "ping6" : "ping";
    if (why == Failure::no_route) return fmt::format("{}: sendto: No route to host\n", command);
    if (why == Failure::too_big) return fmt::format("{}: sendto: Message too long\n", command);
    if (why == Failure::timed_out) return {};
    const std::string text = fmt::format("{} bytes from {}: Destination Host Unreachable\n",
                                         request().ipv6 ? 88 : 36, gateway(request().ipv6));
    if (request().ipv6) return text;
    // The header of the probe that did not get through.
    return text + fmt::format(
                      "Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst\n 4  5  00 {:04x} 0001   "
                      "0 0000  40  01 0000 {}  {} \n\n",
                      request().size + 28, own_address(false), target().address);
  }

  std::string footer(int sent) const override {
    const int received = figures().received();
    // The percentage is cut to an integer: one lost of 1000 prints 0.
    std::string text = fmt::format(
        "\n--- {} ping{} statistics ---\n{} packets transmitted, {} packets received, {}% packet loss\n",
        target().name, request().ipv6 ? "6" : "", sent, received,
        static_cast<int>(loss_percent(sent, received)));
    if (received == 0) return text;
    return text + fmt::format("round-trip min/avg/max/{} = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms\n",
                              request().ipv6 ? "std-dev" : "stddev", ms(figures().min()),
                              ms(figures().mean()), ms(figures().max()), figures().deviation() / 1000);
  }

  bool failures_count_as_heard() const override { return false; }
};

class FortiosPing : public ClockPing {
 public:
  using ClockPing::ClockPing;

 protected:
  std::string header() const override {
    return fmt::format("PING {} ({}): {} data bytes\n", target().name, target().address, request().size);
  }
  std::string reply(int sequence, Micros round_trip) const override {
    return fmt::format("{} bytes from {}: icmp_seq={} ttl=255 time={:.1f} ms\n", request().size + 8,
                       target().address, sequence, ms(round_trip.count()));
  }
  std::string failure(int sequence, Failure why) const override {
    if (why == Failure::timed_out) return {};
    if (why != Failure::unreachable) return "sendto failed\n";
    return fmt::format("From {} icmp_seq={} Destination Host Unreachable\n", gateway(false), sequence);
  }
  std::string footer(int sent) const override {
    const int received = figures().received();
    std::string text = fmt::format(
        "\n--- {} ping statistics ---\n{} packets transmitted, {} packets received, {:.0f}% packet loss\n",
        target().name, sent, received, loss_percent(sent, received));
    if (received > 0) {
      text += fmt::format("round-trip min/avg/max = {:.1f}/{:.1f}/{:.1f} ms\n", ms(figures().min()),
                          ms(figures().mean()), ms(figures().max()));
    }
    return text + "\n";
  }
  bool failures_count_as_heard() const override { return false; }
};

// Without the zeros at the end: 20.000 is "20", 56.790 is "56.79".
std::string short_number(Micros::rep us) {
  std::string text = fmt::format("{:.3f}", ms(us));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

class NxosPing : public IntervalPing {
 public:
  using IntervalPing::IntervalPing;

 protected:
  std::string header() const override {
    const std::string source = request().source.empty() ? "" : " from " + request().source;
    return fmt::format("PING{} {} ({}){}: {} data bytes\n", six(), target().name, target().address, source,
                       request().size);
  }
  std::string reply(int sequence, Micros round_trip) const override {
    return fmt::format("{} bytes from {}: icmp_seq={}{} time={} ms\n", request().size + 8, target().address,
                       sequence, request().ipv6 ? "" : " ttl=254", short_number(round_trip.count()));
  }
  std::string failure(int sequence, Failure why, Micros) const override {
    const std::string timed_out = fmt::format("Request {} timed out\n", sequence);
    const auto not_sent = [&](const char* reason) {
      return fmt::format("ping{}: sendto {} {} chars, {}\n", six(), target().address, request().size + 8,
                         reason) +
             timed_out;
    };
    if (why == Failure::no_route) return not_sent("No route to host");
    if (why == Failure::too_big) return not_sent("Message too long");
    if (why == Failure::timed_out) return timed_out;
    return fmt::format("36 bytes from {}: Destination Host Unreachable\n", gateway(request().ipv6)) +
           timed_out;
  }
  std::string footer(int sent) const override {
    const int received = figures().received();
    std::string text = fmt::format(
        "\n--- {} ping{} statistics ---\n{} packets transmitted, {} packets received, {:.2f}% packet loss\n",
        target().name, six(), sent, received, loss_percent(sent, received));
    if (received == 0) return text;
    return text + fmt::format("round-trip min/avg/max = {}/{}/{} ms\n", short_number(figures().min()),
                              short_number(figures().mean()), short_number(figures().max()));
  }

 private:
  const char* six() const { return request().ipv6 ? "6" : ""; }
};

}  // namespace

std::unique_ptr<Program> make_junos_ping(const PingRequest& request, const Resolved& target, Probes probes) {
  return std::make_unique<JunosPing>(request, target, std::move(probes));
}

std::unique_ptr<Program> make_fortios_ping(const PingRequest& request, const Resolved& target,
                                           Probes probes) {
  return std::make_unique<FortiosPing>(request, target, std::move(probes));
}

std::unique_ptr<Program> make_nxos_ping(const PingRequest& request, const Resolved& target, Probes probes) {
  return std::make_unique<NxosPing>(request, target, std::move(probes));
}

}  // namespace linewatch::sim
