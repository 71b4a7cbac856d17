#pragma once
// The ping task: a line and its router's platform become a command; the router's answer becomes figures.
// Pure functions, no I/O.

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "aggregator/result.hpp"
#include "config/settings.hpp"
#include "connection/session.hpp"

namespace linewatch::scheduler {

// The command line to type. The error is one clause: what this platform cannot say.
// `address` is the target as it is to be typed: line.target, or what the agent resolved it to.
std::expected<std::string, std::string> render_ping(const config::Line& line, const config::Platform& platform,
                                                    const std::string& address);

// Reads a transcript (raw or stripped; an echo and prompts around the answer do no harm).
aggregator::PingFigures parse_ping(const config::Platform& platform, std::string_view transcript);

// For platforms whose ping never ends (PingProfile::endless): imposes count and timeout with the interrupt, and reads
// the answer as icmp_seq 1..count; a footer that the device printed before the interrupt is the result instead.
class ImposedPing : public connection::OutputWatcher {
 public:
  ImposedPing(const config::Platform& platform, int count, config::Duration timeout);
  Advice look(std::string_view output, connection::TimePoint now) override;
  aggregator::PingFigures read(const connection::CommandOutput& output) const;

 private:
  const config::Platform& platform_;
  int count_;
  config::Duration timeout_;
  std::optional<connection::TimePoint> started_;
  std::size_t searched_ = 0;
};

}  // namespace linewatch::scheduler
