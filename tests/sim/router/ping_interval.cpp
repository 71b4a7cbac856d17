#include "tests/sim/router/ping_interval.hpp"

namespace linewatch::sim {

std::optional<Step> IntervalPing::next() {
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

std::string IntervalPing::interrupt(Micros at) {
  if (finished_ <= at) commit();
  stage_ = Stage::done;
  return aborted() + footer(sent_by(at));
}

std::optional<PingCounts> IntervalPing::counts(Micros at) const {
  const bool came = pending_reply_ && finished_ <= at;
  return PingCounts{target_.name, sent_by(at), figures_.received() + (came ? 1 : 0)};
}

std::optional<Failure> IntervalPing::failure_of(const Probe& probe) const {
  const auto& path = target_.target;
  if (path.no_route) return Failure::no_route;
  if (request_.df && path.mtu > 0 && request_.size + (request_.ipv6 ? 48 : 28) > path.mtu)
    return Failure::too_big;
  if (probe.fate == Probe::Fate::lost || probe.round_trip > request_.timeout) return Failure::timed_out;
  if (probe.fate == Probe::Fate::unreachable) return Failure::unreachable;
  return std::nullopt;
}

Step IntervalPing::probe() {
  const Probe probe = probes_.next();
  const auto failed = failure_of(probe);
  std::string text = sent_ > 0 ? between(sent_) : "";
  last_sent_at_ = next_send_;
  finished_ = last_sent_at_ + (failed ? request_.timeout : probe.round_trip);
  next_send_ = std::max(finished_, last_sent_at_ + request_.interval);
  if (!failed) pending_reply_ = probe.round_trip;
  if (!request_.quiet)
    text += failed ? failure(sent_, *failed, probe.round_trip) : reply(sent_, probe.round_trip);
  ++sent_;
  if (sent_ == 2 && !request_.log_line.empty()) text += request_.log_line + "\n";
  return {finished_, text};
}

void IntervalPing::commit() {
  if (pending_reply_) figures_.add(*pending_reply_);
  pending_reply_.reset();
}

}  // namespace linewatch::sim
