#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "tests/sim/router/ping.hpp"

namespace linewatch::sim {
namespace {

constexpr int marks_per_line = 70;

std::string upper(std::string text) {  // as IOS writes IPv6
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

// IOS, and IOS XR, which says less above its marks and gets an answer for each probe that is unreachable.
class IosPing : public Program {
 public:
  IosPing(const PingRequest& request, const Resolved& target, Probes probes, bool xr = false)
      : request_(request), target_(target), probes_(std::move(probes)), xr_(xr) {}

  std::optional<Step> next() override {
    commit();
    if (stage_ == Stage::header) return header();
    if (stage_ == Stage::done) return std::nullopt;
    if (sent_ == *request_.count) {
      stage_ = Stage::done;
      return Step{finished_, footer(sent_)};
    }
    return probe();
  }

  std::string interrupt(Micros at) override {
    if (finished_ <= at) commit();
    stage_ = Stage::done;
    return footer(sent_);
  }

  std::optional<PingCounts> counts(Micros at) const override {
    const bool came = pending_reply_ && finished_ <= at;
    return PingCounts{target_.name, sent_, received_ + (came ? 1 : 0)};
  }

 private:
  enum class Stage { header, probes, done };

  Step header() {
    stage_ = Stage::probes;
    std::string text = fmt::format(
        "Type escape sequence to abort.\nSending {}, {}-byte ICMP Echos to {}, timeout is {} seconds:\n",
        *request_.count, request_.size, request_.ipv6 && !xr_ ? upper(target_.address) : target_.address,
        request_.timeout.count() / 1'000'000);
    if (xr_) return {Micros(0), text};
    if (!request_.source.empty())
      text += fmt::format("Packet sent with a source address of {}\n", request_.source);
    if (request_.df) text += "Packet sent with the DF bit set\n";
    if (target_.target.no_route && request_.ipv6) {
      stage_ = Stage::done;
      return {Micros(0), text + "\n% No valid route for destination\nSuccess rate is 0 percent (0/1)\n"};
    }
    return {Micros(0), text};
  }

  Step probe() {
    const Probe probe = probes_.next();
    const bool in_time = probe.round_trip <= request_.timeout && !target_.target.no_route;
    char mark = '.';
    Micros took = request_.timeout;
    if (request_.df && target_.target.mtu > 0 && request_.size > target_.target.mtu) {
      mark = 'M';
      took = Micros(1000);
    } else if (in_time && probe.fate == Probe::Fate::unreachable) {
      // Routers limit their unreachables: of a quick succession every second probe goes unanswered, U.U.U
      mark = xr_ || unreachables_++ % 2 == 0 ? 'U' : '.';
      if (mark == 'U') took = probe.round_trip;
    } else if (in_time && probe.fate == Probe::Fate::reply) {
      mark = '!';
      took = probe.round_trip;
      pending_reply_ = took;
    }
    finished_ += took;
    ++sent_;
    std::string text(1, mark);
    if (sent_ % marks_per_line == 0 && sent_ != *request_.count) text += '\n';
    if (sent_ == 2 && !request_.log_line.empty()) text += "\n" + request_.log_line + "\n";
    return {finished_, text};
  }

  // The step handed out last was played: its reply counts from now on.
  void commit() {
    if (!pending_reply_) return;
    const auto ms = pending_reply_->count() / 1000;  // IOS counts whole milliseconds; 0 is a real round trip
    pending_reply_.reset();
    min_ = received_ == 0 ? ms : std::min(min_, ms);
    max_ = std::max(max_, ms);
    sum_ += ms;
    ++received_;
  }

  std::string footer(int sent) const {
    const int percent = sent == 0 ? 0 : 100 * received_ / sent;  // truncated: 992 of 1000 is 99
    std::string text = fmt::format("\nSuccess rate is {} percent ({}/{})", percent, received_, sent);
    if (received_ > 0)
      text += fmt::format(", round-trip min/avg/max = {}/{}/{} ms", min_, sum_ / received_, max_);
    return text + "\n";
  }

  PingRequest request_;
  Resolved target_;
  Probes probes_;
  bool xr_;
  Stage stage_ = Stage::header;
  int sent_ = 0;
  int received_ = 0;
  int unreachables_ = 0;
  std::optional<Micros> pending_reply_;
  Micros finished_{0};
  Micros::rep min_ = 0, max_ = 0, sum_ = 0;
};

}  // namespace

std::unique_ptr<Program> make_ios_ping(const PingRequest& request, const Resolved& target, Probes probes) {
  return std::make_unique<IosPing>(request, target, std::move(probes));
}

std::unique_ptr<Program> make_xr_ping(const PingRequest& request, const Resolved& target, Probes probes) {
  return std::make_unique<IosPing>(request, target, std::move(probes), true);
}

}  // namespace linewatch::sim
