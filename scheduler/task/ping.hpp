#pragma once
// The ping task: a line and its router's platform become a command; the router's answer becomes figures.
// Pure functions, no I/O.

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/session.hpp"

namespace linewatch::scheduler {

// The lines to type, in order; the last is the ping. The error is one clause: what this platform cannot say.
// `address` is the target as it is to be typed: line.target, or what the agent resolved it to. `privileged`:
// has the session the rights that cli.enable gives?
std::expected<std::vector<std::string>, std::string> render_ping(const config::Line& line,
                                                                 const config::Platform& platform,
                                                                 const std::string& address,
                                                                 bool privileged = true);

// The line by which the router rejected a command, if it did.
std::optional<std::string> rejected(const config::Platform& platform, std::string_view answer);

// Reads a transcript (raw or stripped; an echo, prompts and log lines around the answer do no harm). Loss
// comes from the counts, never from the printed percentage. What is not understood is an error that shows the
// line.
aggregator::PingFigures parse_ping(const config::Platform& platform, std::string_view transcript);

// For platforms whose ping takes no time-out: a reply that came later is a lost probe. Nothing is done where
// the device does not print each probe.
void impose_timeout(aggregator::PingFigures& figures, config::Duration timeout);

// For platforms whose ping never ends (PingProfile::endless): imposes count and timeout with the interrupt,
// and reads the answer as icmp_seq 1..count; a footer that the device printed before the interrupt is the
// result instead. One object per run, on the session's loop.
class ImposedPing : public connection::OutputWatcher {
 public:
  // `platform` outlives the object.
  ImposedPing(const config::Platform& platform, int count, config::Duration timeout);

  // Asks for the interrupt when every probe is answered or reported lost, or when the last one's time is
  // over: probes leave a probe interval apart from the moment the answer's first line was seen. Looks at each
  // line once.
  Advice look(std::string_view output, connection::TimePoint now) override;

  // Only replies to the first `count` probes that came within the timeout count, each once; later ones are
  // lost. Of a run that was cut before all probes had left only those count that had.
  aggregator::PingFigures read(const connection::CommandOutput& output) const;

 private:
  struct Probe {
    bool settled = false;          // answered, or reported lost: nothing more is waited for
    std::optional<double> rtt_ms;  // of the first reply
  };
  void settle(std::string_view line, std::vector<Probe>& probes) const;
  void begin(std::string_view line, connection::TimePoint now);
  connection::TimePoint end() const;
  aggregator::PingFigures figures(std::string_view text) const;

  const config::Platform& platform_;
  int count_;
  config::Duration timeout_;
  std::vector<Probe> probes_;  // by icmp_seq
  std::optional<connection::TimePoint> started_;
  std::size_t searched_ = 0;  // up to here, a line's beginning, the output was looked at
};

}  // namespace linewatch::scheduler
