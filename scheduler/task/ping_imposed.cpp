// Count and timeout for a ping that has neither.

#include <algorithm>

#include "scheduler/task/ping.hpp"
#include "scheduler/task/ping_answer.hpp"

namespace linewatch::scheduler {

namespace {

// A probe leaves up to this much later than its turn (a loaded machine, iputils' own rounding), and its
// reply's line takes its way through the session. Late replies are judged by the time they print, so waiting
// longer harms nothing.
constexpr config::Duration lateness_each{30}, lateness{250};

}  // namespace

ImposedPing::ImposedPing(const config::Platform& platform, int count, config::Duration timeout)
    : platform_(platform),
      count_(std::max(count, 1)),
      timeout_(timeout),
      probes_(static_cast<std::size_t>(count_)) {}

void ImposedPing::settle(std::string_view line, std::vector<Probe>& probes) const {
  const config::PingAnswer& answer = platform_.ping.answer;
  const auto probe = [&](const Match& match, int first) -> Probe* {
    const auto sequence = to_count(match.group("seq"));
    if (!sequence || *sequence < first || *sequence - first >= count_) return nullptr;
    return &probes[static_cast<std::size_t>(*sequence - first)];
  };
  Match match;
  for (const config::ReplyPattern& reply : answer.replies) {
    if (!match.find(reply.pattern, line)) continue;
    const std::string_view unit = match.group("unit");
    const auto rtt =
        to_milliseconds(match.group("rtt"), unit.empty() ? std::string_view(answer.rtt_unit) : unit);
    Probe* const answered = probe(match, reply.first_sequence);
    if (!answered || !rtt) return;
    if (!answered->rtt_ms) answered->rtt_ms = rtt;  // what comes again is a duplicate
    answered->settled = true;
    return;
  }
  const int first = answer.replies.empty() ? 1 : answer.replies.front().first_sequence;
  for (const config::Pattern& pattern : answer.failures) {
    if (!match.find(pattern, line)) continue;
    if (Probe* const lost = probe(match, first)) lost->settled = true;
    return;
  }
}

void ImposedPing::begin(std::string_view line, connection::TimePoint now) {
  const config::Pattern& pattern = platform_.ping.answer.begin;
  Match match;
  if (!started_ && (!pattern || match.find(pattern, line))) started_ = now;
}

connection::TimePoint ImposedPing::end() const {
  return *started_ + (count_ - 1) * (platform_.ping.probe_interval + lateness_each) + timeout_ + lateness;
}

connection::OutputWatcher::Advice ImposedPing::look(std::string_view output, connection::TimePoint now) {
  if (searched_ > output.size()) searched_ = 0;  // the output was redrawn
  for (std::size_t end; (end = output.find('\n', searched_)) != std::string_view::npos; searched_ = end + 1) {
    const std::string_view line = output.substr(searched_, end - searched_);
    begin(line, now);
    settle(line, probes_);
  }
  const bool all = std::ranges::all_of(probes_, &Probe::settled);
  if (all) return {.interrupt = true};
  if (!started_) return {};
  return now >= end() ? Advice{.interrupt = true} : Advice{.look_again = end()};
}

aggregator::PingFigures ImposedPing::read(const connection::CommandOutput& output) const {
  if (!output.interrupted) return parse_ping(platform_, output.text);
  std::string storage;
  return figures(plain_lines(output.text, storage));
}

aggregator::PingFigures ImposedPing::figures(std::string_view text) const {
  const aggregator::PingFigures footer = parse_ping(platform_, text);
  std::vector<Probe> probes(probes_.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    settle(text.substr(at, end - at), probes);
    at = end + 1;
  }
  const bool any = std::ranges::any_of(probes, &Probe::settled);
  if (!any && !footer.sent) return footer;  // it never got as far as a probe

  aggregator::PingFigures result;
  const int sent = std::min(count_, footer.sent.value_or(count_));
  const double limit = static_cast<double>(timeout_.count());
  int received = 0;
  for (int index = 0; index < sent; ++index) {
    const auto& rtt = probes[static_cast<std::size_t>(index)].rtt_ms;
    const bool in_time = rtt && *rtt <= limit;
    result.probes_ms.push_back(in_time ? rtt : std::nullopt);
    if (in_time) ++received;
  }
  result.sent = sent;
  result.received = received;
  if (!judge_counts(result)) return result;
  if (received == 0) {
    if (footer.status == aggregator::PingStatus::unreachable ||
        footer.status == aggregator::PingStatus::error) {
      result.status = footer.status;
      result.error = footer.error;
    }
    return result;
  }
  times_from_probes(result);
  return result;
}

void impose_timeout(aggregator::PingFigures& figures, config::Duration timeout) {
  using aggregator::PingStatus;
  if (figures.status != PingStatus::ok && figures.status != PingStatus::partial_loss) return;
  const auto limit = static_cast<double>(timeout.count());
  int late = 0;
  for (auto& probe : figures.probes_ms) {
    if (!probe || *probe <= limit) continue;
    probe.reset();
    ++late;
  }
  if (late == 0) return;
  *figures.received -= late;
  figures.min_ms = figures.avg_ms = figures.max_ms = figures.stddev_ms = std::nullopt;
  if (judge_counts(figures) && *figures.received > 0) times_from_probes(figures);
}

}  // namespace linewatch::scheduler
