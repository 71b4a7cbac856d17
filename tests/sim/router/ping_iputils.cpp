// iputils: probes go by the clock, replies are counted whenever they come, until enough came or nothing is
// awaited.

#include <fmt/format.h>

#include <queue>
#include <vector>

#include "tests/sim/router/ping.hpp"
#include "tests/sim/router/ping_figures.hpp"

namespace linewatch::sim {
namespace {

class IputilsPing : public Program {
 public:
  IputilsPing(const PingRequest& request, const Resolved& target, Probes probes)
      : request_(request), target_(target), probes_(std::move(probes)) {}

  std::optional<Step> next() override {
    commit();
    if (!started_) {
      started_ = true;
      return Step{Micros(0), header()};
    }
    if (done_) return std::nullopt;
    return advance();
  }

  std::string interrupt(Micros at) override {
    done_ = true;
    sent_ = sent_by(at);
    return footer(sent_);
  }

  std::optional<PingCounts> counts(Micros at) const override {
    return PingCounts{target_.name, done_ ? sent_ : sent_by(at), figures_.received()};
  }

  int exit_status() const override { return figures_.received() > 0 ? 0 : 1; }

 private:
  struct Event {
    Micros at;
    int sequence;
    Probe probe;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };

  std::string header() const {
    const bool address = is_ipv4_text(request_.source) || is_ipv6_text(request_.source);
    std::string from;
    if (address) from = " from " + request_.source + " :";
    if (!address && !request_.source.empty()) {
      from = (request_.ipv6 ? " from 2001:db8::10 " : " from 192.0.2.10 ") + request_.source + ":";
    }
    if (request_.ipv6) {
      return fmt::format("PING {}({}){} {} data bytes\n", target_.name, target_.address, from, request_.size);
    }
    return fmt::format("PING {} ({}){} {}({}) bytes of data.\n", target_.name, target_.address, from,
                       request_.size, request_.size + 28);
  }

  // The next thing that happens. A probe that goes out is a step without text, so that each call ends.
  Step advance() {
    // With a deadline, the count is that of the replies wanted, and probes go on until they came.
    const bool may_send = !request_.count || sent_ < *request_.count || (request_.deadline && !all_heard());
    const Micros next_send = request_.interval * sent_;
    const Micros end = exit_at();
    if (may_send && next_send < end && (coming_.empty() || next_send <= coming_.top().at)) {
      send(next_send);
      return {next_send, ""};
    }
    if (!coming_.empty() && coming_.top().at < end && !all_heard()) {
      const Event event = coming_.top();
      coming_.pop();
      return arrive(event);
    }
    done_ = true;
    const Micros at = all_heard() ? now_ : end;
    return {at, footer(sent_)};
  }

  void send(Micros at) {
    now_ = at;
    last_send_ = at;
    const Probe probe = probes_.next();
    const auto& path = target_.target;
    const int sequence = sent_++;
    const bool too_big = request_.df && path.mtu > 0 && request_.size + (request_.ipv6 ? 48 : 28) > path.mtu;
    if (too_big) {
      coming_.push({at, sequence, {Probe::Fate::unreachable, Micros(0)}});
    } else if (probe.fate != Probe::Fate::lost) {
      coming_.push({at + probe.round_trip, sequence, probe});
    } else if (request_.report_outstanding) {
      coming_.push({at + request_.interval, sequence, probe});
    }
    if (request_.count && sent_ == *request_.count) last_wait_ = linger();
  }

  // What iputils waits after its last probe: -W (or 10 s) if nothing ever came, else two round trips or an
  // interval.
  Micros linger() const {
    if (figures_.received() == 0) return request_.timeout;
    return std::max(Micros(2 * figures_.max()), request_.interval);
  }

  Micros exit_at() const {
    if (request_.deadline) return *request_.deadline;
    if (request_.count && sent_ == *request_.count) return last_send_ + last_wait_;
    return Micros::max();
  }

  bool all_heard() const { return request_.count && figures_.received() + errors_ >= *request_.count; }

  Step arrive(const Event& event) {
    now_ = event.at;
    const int sequence = event.sequence + 1;
    std::string text;
    if (event.probe.fate == Probe::Fate::reply) {
      pending_reply_ = event.probe.round_trip;
      text = fmt::format("{} bytes from {}: icmp_seq={} ttl=64 time={} ms\n", request_.size + 8,
                         target_.address, sequence, short_time(event.probe.round_trip));
    } else if (event.probe.fate == Probe::Fate::lost) {
      text = fmt::format("no answer yet for icmp_seq={}\n", sequence);
    } else {
      ++errors_;
      text = event.probe.round_trip == Micros(0)
                 ? fmt::format("ping: local error: message too long, mtu={}\n", target_.target.mtu)
                 : fmt::format("From {} icmp_seq={} Destination Host Unreachable\n", gateway(), sequence);
    }
    if (request_.quiet) text.clear();
    return {event.at, text};
  }

  std::string gateway() const { return request_.ipv6 ? "2001:db8::ff" : "192.0.2.254"; }

  static std::string short_time(Micros round_trip) {
    const auto us = round_trip.count();
    const double time = ms(us);
    if (us >= 99950) return fmt::format("{:.0f}", time);
    if (us >= 9995) return fmt::format("{:.1f}", time);
    if (us >= 1000) return fmt::format("{:.2f}", time);
    return fmt::format("{:.3f}", time);
  }

  void commit() {
    if (pending_reply_) figures_.add(*pending_reply_);
    pending_reply_.reset();
  }

  int sent_by(Micros at) const {
    const auto due = static_cast<int>(at / request_.interval) + 1;
    return request_.count && !request_.deadline ? std::min(due, *request_.count) : due;
  }

  std::string footer(int sent) const {
    const int received = figures_.received();
    std::string text = fmt::format("\n--- {} ping statistics ---\n{} packets transmitted, {} received",
                                   target_.name, sent, received);
    if (errors_ > 0) text += fmt::format(", +{} errors", errors_);
    text += fmt::format(", {:.6g}% packet loss, time {}ms\n", loss_percent(sent, received),
                        request_.interval.count() * std::max(0, sent - 1) / 1000);
    if (received > 0) {
      text += fmt::format("rtt min/avg/max/mdev = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms\n", ms(figures_.min()),
                          ms(figures_.mean()), ms(figures_.max()), figures_.deviation() / 1000);
    } else {
      text += "\n";
    }
    return text;
  }

  PingRequest request_;
  Resolved target_;
  Probes probes_;
  Figures figures_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> coming_;
  bool started_ = false;
  bool done_ = false;
  int sent_ = 0;
  int errors_ = 0;
  std::optional<Micros> pending_reply_;
  Micros now_{0}, last_send_{0}, last_wait_{0};
};

}  // namespace

std::unique_ptr<Program> make_iputils_ping(const PingRequest& request, const Resolved& target,
                                           Probes probes) {
  return std::make_unique<IputilsPing>(request, target, std::move(probes));
}

}  // namespace linewatch::sim
