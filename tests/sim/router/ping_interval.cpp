// VRP and Comware: one probe at a time; the next goes when the interval is over and the reply came or timed
// out.

#include <fmt/format.h>

#include "tests/sim/router/ping.hpp"
#include "tests/sim/router/ping_figures.hpp"

namespace linewatch::sim {
namespace {

class IntervalPing : public Program {
 public:
  IntervalPing(const PingRequest& request, const Resolved& target, Probes probes)
      : request_(request), target_(target), probes_(std::move(probes)) {}

  std::optional<Step> next() override {
    commit();
    if (stage_ == Stage::header) {
      stage_ = Stage::probes;
      return Step{Micros(0), header()};
    }
    if (stage_ == Stage::done) return std::nullopt;
    if (request_.count && sent_ == *request_.count) {
      stage_ = Stage::done;
      return Step{finished_, footer(sent_)};
    }
    return probe();
  }

  std::string interrupt(Micros at) override {
    if (finished_ <= at) commit();
    stage_ = Stage::done;
    return footer(sent_by(at));
  }

  std::optional<PingCounts> counts(Micros at) const override {
    const bool came = pending_reply_ && finished_ <= at;
    return PingCounts{target_.name, sent_by(at), figures_.received() + (came ? 1 : 0)};
  }

 protected:
  virtual std::string header() const = 0;
  virtual std::string reply(int sequence, Micros round_trip) const = 0;  // sequence from 0
  virtual std::string time_out() const = 0;
  virtual std::string footer(int sent) const = 0;

  const PingRequest& request() const { return request_; }
  const Resolved& target() const { return target_; }
  const Figures& figures() const { return figures_; }

 private:
  enum class Stage { header, probes, done };

  Step probe() {
    const Probe probe = probes_.next();
    const auto& path = target_.target;
    const bool too_big = request_.df && path.mtu > 0 && request_.size + (request_.ipv6 ? 48 : 28) > path.mtu;
    const bool replied = probe.fate == Probe::Fate::reply && probe.round_trip <= request_.timeout &&
                         !path.no_route && !too_big;
    last_sent_at_ = next_send_;
    finished_ = last_sent_at_ + (replied ? probe.round_trip : request_.timeout);
    next_send_ = std::max(finished_, last_sent_at_ + request_.interval);
    if (replied) pending_reply_ = probe.round_trip;
    std::string text;
    if (!request_.quiet) text = replied ? reply(sent_, probe.round_trip) : time_out();
    ++sent_;
    if (sent_ == 2 && !request_.log_line.empty()) text += request_.log_line + "\n";
    return {finished_, text};
  }

  void commit() {
    if (pending_reply_) figures_.add(*pending_reply_);
    pending_reply_.reset();
  }

  int sent_by(Micros at) const { return last_sent_at_ <= at || sent_ == 0 ? sent_ : sent_ - 1; }

  PingRequest request_;
  Resolved target_;
  Probes probes_;
  Figures figures_;
  Stage stage_ = Stage::header;
  int sent_ = 0;
  std::optional<Micros> pending_reply_;
  Micros next_send_{0}, last_sent_at_{0}, finished_{0};
};

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
  std::string time_out() const override { return "    Request time out\n"; }
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
  std::string time_out() const override { return "Request time out\n"; }
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
