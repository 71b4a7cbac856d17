#include <fmt/format.h>

#include "tests/sim/router/ping_interval.hpp"

namespace linewatch::sim {
namespace {

// 407us, 5ms450us, 12ms, 1s2ms: units that are zero are left out, and nothing is padded.
std::string units(Micros::rep us) {
  if (us == 0) return "0us";
  std::string text;
  if (us >= 1'000'000) text += fmt::format("{}s", us / 1'000'000);
  if (us / 1000 % 1000 != 0) text += fmt::format("{}ms", us / 1000 % 1000);
  if (us % 1000 != 0) text += fmt::format("{}us", us % 1000);
  return text;
}

// A table, whose heading and totals come again every 20 probes. A probe is waited for as long as the
// interval.
class RouterosPing : public IntervalPing {
 public:
  using IntervalPing::IntervalPing;

 protected:
  std::string header() const override {
    return fmt::format("{:>5} {:<40} {:>4} {:>3} {:<10} {:<28}\n", "SEQ", "HOST", "SIZE", "TTL", "TIME",
                       "STATUS");
  }

  std::string reply(int sequence, Micros round_trip) const override {
    return row(sequence, target().address, std::to_string(packet()), "62", units(round_trip.count()),
               request().ipv6 ? "echo reply" : "");
  }

  std::string failure(int sequence, Failure why, Micros after) const override {
    switch (why) {
      case Failure::unreachable:
        return row(sequence, gateway(request().ipv6), "84", "64", units(after.count()), "host unreachable");
      case Failure::no_route:
        return row(sequence, "", "", "", "", "no route to host");
      case Failure::too_big:
        return row(sequence, gateway(request().ipv6), std::to_string(packet()), "64", "",
                   "packet too large and cannot be fragmented");
      case Failure::timed_out:
        break;
    }
    return row(sequence, target().address, "", "", "", "timeout");
  }

  std::string between(int sent) const override { return sent % 20 == 0 ? totals(sent) + header() : ""; }
  std::string footer(int sent) const override { return totals(sent) + "\n"; }

 private:
  int packet() const { return request().size + (request().ipv6 ? 48 : 28); }

  static std::string row(int sequence, const std::string& host, const std::string& size,
                         const std::string& ttl, const std::string& time, const std::string& status) {
    return fmt::format("{:>5} {:<40} {:>4} {:>3} {:<10} {}\n", sequence, host, size, ttl, time, status);
  }

  std::string totals(int sent) const {
    const int received = figures().received();
    std::string text = fmt::format("    sent={} received={} packet-loss={}%", sent, received,
                                   static_cast<int>(loss_percent(sent, received)));
    if (received > 0) {
      text += fmt::format(" min-rtt={} avg-rtt={} max-rtt={}", units(figures().min()),
                          units(figures().mean()), units(figures().max()));
    }
    return text + "\n";
  }
};

}  // namespace

std::unique_ptr<Program> make_routeros_ping(const PingRequest& request, const Resolved& target,
                                            Probes probes) {
  return std::make_unique<RouterosPing>(request, target, std::move(probes));
}

}  // namespace linewatch::sim
