#pragma once
// A ping as iputils and BSD do it: probes go by the clock, replies are counted whenever they come, until
// enough came or nothing is awaited. The platforms give it their texts.

#include <queue>
#include <vector>

#include "tests/sim/router/ping.hpp"
#include "tests/sim/router/ping_figures.hpp"

namespace linewatch::sim {

class ClockPing : public Program {
 public:
  ClockPing(const PingRequest& request, const Resolved& target, Probes probes)
      : request_(request), target_(target), probes_(std::move(probes)) {}

  std::optional<Step> next() override;
  std::string interrupt(Micros at) override;
  std::optional<PingCounts> counts(Micros at) const override;
  int exit_status() const override { return figures_.received() > 0 ? 0 : 1; }

 protected:
  virtual std::string header() const = 0;
  virtual std::string reply(int sequence, Micros round_trip) const = 0;  // sequence from 0
  virtual std::string failure(int sequence, Failure why) const = 0;      // timed_out: only with -O
  virtual std::string footer(int sent) const = 0;
  virtual bool failures_count_as_heard() const { return true; }  // when all are heard, it ends
  virtual bool adaptive() const { return false; }                // the next goes when the reply came

  const PingRequest& request() const { return request_; }
  const Resolved& target() const { return target_; }
  const Figures& figures() const { return figures_; }
  int errors() const { return errors_; }
  Micros elapsed(int sent) const;  // from the first probe to the last

 private:
  struct Event {
    Micros at;
    int sequence;
    std::optional<Failure> failure;
    Micros round_trip;
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };

  Step advance();
  Step arrive(const Event& event);
  void send();
  Micros linger() const;
  Micros exit_at() const;
  bool all_heard() const;
  int sent_by(Micros at) const { return sent_ > 0 && last_send_ > at ? sent_ - 1 : sent_; }
  void commit();

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
  Micros now_{0}, next_send_{0}, last_send_{0}, last_wait_{0};
};

}  // namespace linewatch::sim
