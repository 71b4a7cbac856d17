// A router's answer to a ping becomes figures. In the good case few patterns are searched: the beginning, the
// totals, the replies. Why something failed is only looked for when something failed.

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "scheduler/task/ping.hpp"
#include "scheduler/task/ping_answer.hpp"

namespace linewatch::scheduler {

namespace {

using aggregator::PingFigures;
using aggregator::PingStatus;

// Behind the line on which the last "ping" was typed at a prompt; 0 if the text shows none. What came before
// is not its answer, and what it names (a VRF "NO-ROUTE") no complaint.
std::size_t after_last_command(std::string_view text) {
  constexpr std::string_view word = "ping";
  for (std::size_t before = text.size();;) {
    const std::size_t at = find_last_text(text.substr(0, before), word);
    if (at == std::string_view::npos) return 0;
    before = at;
    std::string_view prompt = text.substr(0, at);
    for (const std::string_view prefix : {"/tool/", "/tool ", "/", "execute ", "do ", "sudo "}) {
      if (prompt.ends_with(prefix)) prompt.remove_suffix(prefix.size());
    }
    if (prompt.ends_with(' ')) prompt.remove_suffix(1);
    const std::size_t after = at + word.size();
    const bool whole_word = after < text.size() && (text[after] == ' ' || text[after] == '6');
    const bool behind_prompt = !prompt.empty() && std::string_view("#>$%]").contains(prompt.back());
    if (whole_word && behind_prompt) return std::min(text.find('\n', at), text.size());
  }
}

class Reading {
 public:
  Reading(const config::Platform& platform, std::string_view text)
      : platform_(platform),
        answer_(platform.ping.answer),
        text_(text.substr(after_last_command(text))),
        body_(text_) {
    Match begin;
    begun_ = answer_.begin && begin.find_last(answer_.begin, text_);
    if (!begun_) return;
    body_ = text_.substr(begin.begin());
    // What stands before the beginning may belong to this ping (EOS prints complaints there) or be another's.
    for (const config::TotalsPattern& totals : answer_.totals) {
      Match earlier;
      if (!earlier.find_last(totals.pattern, text_.substr(0, begin.begin()))) continue;
      text_.remove_prefix(earlier.end());
      begin.find_last(answer_.begin, text_);
    }
  }

  PingFigures figures() && {
    read_totals();
    if (!figures_.error.empty()) {
      forget_times();
      return std::move(figures_);
    }
    if (figures_.sent && figures_.received) {
      with_counts();
    } else {
      without_counts();
    }
    return std::move(figures_);
  }

 private:
  void read_totals();
  void read_times(const Match& match, const std::string& usual_unit);
  bool cut(std::string_view figure) const;
  void with_counts();
  void without_counts();
  void check_times();
  void read_probes();
  bool seen_failure() const;
  bool seen_reply() const;
  std::string marks() const;
  bool unreachable();
  void forget_times() {
    figures_.min_ms = figures_.avg_ms = figures_.max_ms = figures_.stddev_ms = std::nullopt;
  }
  void fail(std::string text) {
    figures_.status = PingStatus::error;
    figures_.error = std::move(text);
  }
  void refuse(std::string text) {
    fail(std::move(text));
    figures_.refused = true;
  }
  std::string telling_line() const;

  const config::Platform& platform_;
  const config::PingAnswer& answer_;
  std::string_view text_, body_;  // all of the last ping; from its answer's first line on
  bool begun_ = false;
  PingFigures figures_;
};

// A figure at the very end of the text may go on in what was cut off: "received=1", "max-rtt=19ms".
bool Reading::cut(std::string_view figure) const {
  return figure.data() + figure.size() == body_.data() + body_.size();
}

void Reading::read_times(const Match& match, const std::string& usual_unit) {
  const std::string_view printed = match.group("unit");
  const std::string_view unit = printed.empty() ? std::string_view(usual_unit) : printed;
  const auto time = [&](const char* name, std::optional<double>& out) {
    const std::string_view figure = match.group(name);
    if (figure.empty()) return;
    out = to_milliseconds(figure, unit);
    if (!out) fail("not understood: " + shown(match.whole()));
  };
  for (const char* name : {"rtt", "min", "avg", "max", "stddev"}) {
    const std::string_view figure = match.group(name);
    if (!figure.empty() && cut(figure)) return;
  }
  for (auto* each : {&figures_.min_ms, &figures_.avg_ms, &figures_.max_ms}) time("rtt", *each);
  time("min", figures_.min_ms);
  time("avg", figures_.avg_ms);
  time("max", figures_.max_ms);
  time("stddev", figures_.stddev_ms);
}

void Reading::read_totals() {
  const auto count = [&](const Match& match, const char* name, std::optional<int>& out) {
    const std::string_view digits = match.group(name);
    if (digits.empty() || cut(digits)) return;
    out = to_count(digits);
    if (!out) fail("not understood: " + shown(match.whole()));
  };
  Match match;
  for (const config::TotalsPattern& totals : answer_.totals) {
    if (!match.find_last(totals.pattern, body_)) continue;
    if (totals.sent) figures_.sent = totals.sent;
    if (totals.received) figures_.received = totals.received;
    count(match, "sent", figures_.sent);
    count(match, "received", figures_.received);
    read_times(match, totals.unit.empty() ? answer_.rtt_unit : totals.unit);
  }
}

// Times that a device cannot have measured: a cut or garbled line must not become a figure.
void Reading::check_times() {
  if (!figures_.min_ms || !figures_.max_ms) return;
  const double slack = 0.01 + *figures_.max_ms * 0.001;  // rounding
  const double avg = figures_.avg_ms.value_or(*figures_.min_ms);
  if (*figures_.min_ms > *figures_.max_ms || avg < *figures_.min_ms - slack ||
      avg > *figures_.max_ms + slack) {
    fail(fmt::format("the round trip times make no sense: min {} avg {} max {} ms", *figures_.min_ms, avg,
                     *figures_.max_ms));
    forget_times();
  }
}

void Reading::with_counts() {
  if (!judge_counts(figures_, answer_.duplicates_counted)) return forget_times();
  if (*figures_.received > 0) {
    check_times();
    if (figures_.status != PingStatus::error) read_probes();
    if (answer_.times_from_replies && !figures_.avg_ms) {
      times_from_probes(figures_);
      figures_.stddev_ms.reset();  // which no router printed
    }
    return;
  }
  // Nothing came back: times printed all the same are not of this run.
  forget_times();
  read_probes();
  if (unreachable()) return;
  if (auto line = first_line(answer_.refused, body_)) refuse(std::move(*line));
}

// The totals are missing: a refusal, or an answer that was cut.
void Reading::without_counts() {
  const bool replies = seen_reply();
  const bool failures = !replies && seen_failure();
  if (!replies && (failures || begun_)) figures_.received = 0;
  forget_times();
  if (replies) return fail("the answer ends before its totals");
  if (auto line = first_line(answer_.name_error, text_)) return refuse("name not resolved: " + *line);
  if (unreachable()) return;
  for (const auto* patterns : {&answer_.refused, &platform_.cli.rejections}) {
    if (auto line = first_line(*patterns, text_)) return refuse(std::move(*line));
  }
  if (failures) {
    figures_.status = PingStatus::total_loss;
    if (figures_.sent) figures_.loss_percent = 100.0;
    return;
  }
  figures_.received = std::nullopt;
  if (begun_) return fail("the answer ends before its totals");
  const std::string line = telling_line();
  fail(line.empty() ? "no answer" : "not a ping's answer: " + line);
}

// Where each probe is printed, and only if what is printed agrees with the totals: quiet pings and cut texts
// print fewer. A number seen twice is a duplicate.
void Reading::read_probes() {
  constexpr int most_probes = 100000;
  if (*figures_.sent > most_probes) return;
  for (const config::ReplyPattern& reply : answer_.replies) {
    Match match;
    if (!match.find(reply.pattern, body_)) continue;
    std::vector<std::optional<double>> probes(static_cast<std::size_t>(*figures_.sent));
    int answered = 0, lines = 0;
    do {
      ++lines;
      const std::string_view unit = match.group("unit");
      const auto rtt =
          to_milliseconds(match.group("rtt"), unit.empty() ? std::string_view(answer_.rtt_unit) : unit);
      const auto sequence = to_count(match.group("seq"));
      if (!rtt || !sequence) return;
      const int index = *sequence - reply.first_sequence;
      if (index < 0 || index >= *figures_.sent) return;
      auto& probe = probes[static_cast<std::size_t>(index)];
      if (!probe) ++answered;
      if (!probe) probe = rtt;
    } while (match.find(reply.pattern, body_, match.end()));
    if (answer_.duplicates_counted && lines == *figures_.received) {
      figures_.received = answered;
      judge_counts(figures_);
    }
    if (answered == *figures_.received) figures_.probes_ms = std::move(probes);
    return;
  }
  if (*figures_.received == 0 && !answer_.replies.empty()) {
    figures_.probes_ms.assign(static_cast<std::size_t>(*figures_.sent), std::nullopt);
  }
}

std::string Reading::marks() const {
  std::string all;
  Match match;
  for (std::size_t at = 0; match.find(answer_.marks, body_, at) && match.end() > at; at = match.end()) {
    all += match.group("marks");
  }
  return all;
}

bool Reading::seen_reply() const {
  Match match;
  for (const config::ReplyPattern& reply : answer_.replies) {
    if (match.find(reply.pattern, body_)) return true;
  }
  return !answer_.reply_marks.empty() && begun_ &&
         marks().find_first_of(answer_.reply_marks) != std::string::npos;
}

bool Reading::seen_failure() const {
  Match match;
  for (const config::Pattern& pattern : answer_.failures) {
    if (match.find(pattern, body_)) return true;
  }
  return begun_ && !marks().empty();
}

bool Reading::unreachable() {
  auto line = first_line(answer_.unreachable, text_);
  if (!line && begun_ && !answer_.unreachable_marks.empty()) {
    const std::string all = marks();
    if (all.find_first_of(answer_.unreachable_marks) != std::string::npos)
      line = "unreachable: " + all.substr(0, 70);
  }
  if (!line) return false;
  figures_.status = PingStatus::unreachable;
  figures_.error = std::move(*line);
  return true;
}

// The line that says most about an answer that is none: the first after the echo, or all there is.
std::string Reading::telling_line() const {
  std::string only, second;
  std::size_t at = 0;
  while (at < text_.size() && second.empty()) {
    const std::size_t end = std::min(text_.find('\n', at), text_.size());
    std::string line = shown(text_.substr(at, end - at));
    at = end + 1;
    if (line.empty() || line == "^") continue;
    (only.empty() ? only : second) = std::move(line);
  }
  const bool echo = only.find("ping ") != std::string::npos;
  return echo && !second.empty() ? second : only;
}

}  // namespace

std::optional<std::string> rejected(const config::Platform& platform, std::string_view answer) {
  auto line = first_line(platform.cli.rejections, answer);
  return line ? std::move(line) : first_line(platform.ping.answer.refused, answer);
}

PingFigures parse_ping(const config::Platform& platform, std::string_view transcript) {
  std::string storage;
  return Reading(platform, plain_lines(transcript, storage)).figures();
}

}  // namespace linewatch::scheduler
