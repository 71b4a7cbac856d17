#pragma once
// A ping with one probe at a time: the next goes when the interval is over and the reply came or timed out.
// The platforms give it their texts.

#include "tests/sim/router/ping.hpp"
#include "tests/sim/router/ping_figures.hpp"

namespace linewatch::sim {

class IntervalPing : public Program {
 public:
  IntervalPing(const PingRequest& request, const Resolved& target, Probes probes)
      : request_(request), target_(target), probes_(std::move(probes)) {}

  std::optional<Step> next() override;
  std::string interrupt(Micros at) override;
  std::optional<PingCounts> counts(Micros at) const override;

 protected:
  virtual std::string header() const = 0;
  virtual std::string reply(int sequence, Micros round_trip) const = 0;  // sequence from 0
  virtual std::string failure(int sequence, Failure why, Micros after) const = 0;
  virtual std::string between(int) const { return {}; }  // printed when so many are done and more come
  virtual std::string footer(int sent) const = 0;
  virtual std::string aborted() const { return {}; }  // said after Ctrl-C, before the footer

  const PingRequest& request() const { return request_; }
  const Resolved& target() const { return target_; }
  const Figures& figures() const { return figures_; }

 private:
  enum class Stage { header, probes, done };

  Step probe();
  std::optional<Failure> failure_of(const Probe& probe) const;
  void commit();
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

}  // namespace linewatch::sim
