#include "tests/sim/router/ping_clock.hpp"

namespace linewatch::sim {

std::optional<Step> ClockPing::next() {
  commit();
  if (!started_) {
    started_ = true;
    return Step{Micros(0), header()};
  }
  if (done_) return std::nullopt;
  return advance();
}

std::string ClockPing::interrupt(Micros at) {
  done_ = true;
  sent_ = sent_by(at);
  return footer(sent_);
}

std::optional<PingCounts> ClockPing::counts(Micros at) const {
  return PingCounts{target_.name, done_ ? sent_ : sent_by(at), figures_.received()};
}

// The next thing that happens. A probe that goes out is a step without text, so that each call ends.
Step ClockPing::advance() {
  // With a deadline, the count is that of the replies wanted, and probes go on until they came.
  const bool may_send = !request_.count || sent_ < *request_.count || (request_.deadline && !all_heard());
  const Micros end = exit_at();
  if (may_send && next_send_ < end && (coming_.empty() || next_send_ <= coming_.top().at)) {
    send();
    const bool logs = sent_ == 2 && !request_.log_line.empty();
    return {last_send_, logs ? request_.log_line + "\n" : ""};
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

void ClockPing::send() {
  const Micros at = next_send_;
  now_ = last_send_ = at;
  const Probe probe = probes_.next();
  const auto& path = target_.target;
  const int sequence = sent_++;
  next_send_ = at + request_.interval;
  if (request_.df && path.mtu > 0 && request_.size + (request_.ipv6 ? 48 : 28) > path.mtu) {
    coming_.push({at, sequence, Failure::too_big, Micros(0)});
  } else if (path.no_route) {
    coming_.push({at, sequence, Failure::no_route, Micros(0)});
  } else if (probe.fate == Probe::Fate::reply) {
    coming_.push({at + probe.round_trip, sequence, std::nullopt, probe.round_trip});
    constexpr Micros shortest_adaptive{10'000};
    if (adaptive())
      next_send_ = at + std::min(std::max(probe.round_trip, shortest_adaptive), request_.interval);
  } else if (probe.fate == Probe::Fate::unreachable) {
    coming_.push({at + probe.round_trip, sequence, Failure::unreachable, Micros(0)});
  } else if (request_.report_outstanding) {
    coming_.push({at + request_.interval, sequence, Failure::timed_out, Micros(0)});
  }
  if (request_.count && sent_ == *request_.count) last_wait_ = linger();
}

Step ClockPing::arrive(const Event& event) {
  now_ = event.at;
  std::string text;
  if (!event.failure) {
    pending_reply_ = event.round_trip;
    text = reply(event.sequence, event.round_trip);
  } else {
    if (*event.failure != Failure::timed_out) ++errors_;
    text = failure(event.sequence, *event.failure);
  }
  if (request_.quiet) text.clear();
  return {event.at, text};
}

// What is waited after the last probe: the time-out if nothing ever came, else two round trips or an
// interval.
Micros ClockPing::linger() const {
  if (figures_.received() == 0) return request_.timeout;
  return std::max(Micros(2 * figures_.max()), request_.interval);
}

Micros ClockPing::exit_at() const {
  if (request_.deadline) return *request_.deadline;
  if (request_.count && sent_ == *request_.count) return last_send_ + last_wait_;
  return Micros::max();
}

bool ClockPing::all_heard() const {
  const int heard = figures_.received() + (failures_count_as_heard() ? errors_ : 0);
  return request_.count && heard >= *request_.count;
}

Micros ClockPing::elapsed(int sent) const {
  return adaptive() ? last_send_ : request_.interval * std::max(0, sent - 1);
}

void ClockPing::commit() {
  if (pending_reply_) figures_.add(*pending_reply_);
  pending_reply_.reset();
}

}  // namespace linewatch::sim
