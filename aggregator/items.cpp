#include "aggregator/items.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>

#include "aggregator/text.hpp"

namespace linewatch::aggregator {
namespace {

using Figure = std::optional<double>;

constexpr std::size_t most_items = 10;  // of a ping's result

Figure seconds(const Figure& milliseconds) {
  return milliseconds ? Figure(*milliseconds / 1000.0) : std::nullopt;
}

Figure loss_percent(const LineResult& result) {
  if (result.state == LineState::down) return 100.0;
  if (!result.figures) return std::nullopt;
  const PingFigures& figures = *result.figures;
  if (figures.loss_percent) return figures.loss_percent;
  if (!figures.sent || !figures.received || *figures.sent <= 0) return std::nullopt;
  return 100.0 * (*figures.sent - *figures.received) / *figures.sent;
}

// Mean difference of neighbouring probes; a lost probe between two answers parts them.
Figure jitter_ms(const PingFigures& figures) {
  double sum = 0;
  int pairs = 0;
  for (std::size_t i = 1; i < figures.probes_ms.size(); ++i) {
    const auto& before = figures.probes_ms[i - 1];
    const auto& after = figures.probes_ms[i];
    if (!before || !after) continue;
    sum += std::abs(*after - *before);
    ++pairs;
  }
  return pairs == 0 ? std::nullopt : Figure(sum / pairs);
}

std::string error_text(const LineResult& result) {
  if (result.state == LineState::up) return {};
  if (!result.error.empty()) return valid_text(result.error);
  if (result.figures && !result.figures->error.empty()) return valid_text(result.figures->error);
  return result.state == LineState::down ? "all probes lost" : std::string(to_string(result.state));
}

void set_clock(Record& record, std::chrono::system_clock::time_point clock) {
  const auto since = std::max(clock.time_since_epoch(), std::chrono::system_clock::duration::zero());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  record.clock = whole.count();
  record.ns =
      static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole).count());
}

}  // namespace

bool ErrorMemory::due(const std::string& line, const std::string& text, connection::TimePoint now) {
  const std::size_t hash = std::hash<std::string>{}(text);
  const auto found = said_.find(line);
  if (found != said_.end() && found->second.hash == hash && now - found->second.at < repeat) return false;
  if (found == said_.end() && said_.size() >= max_lines_) said_.clear();
  said_.insert_or_assign(line, Said{hash, now});
  return true;
}

std::string ItemMapper::key(const char* name, const LineResult& result) const {
  const bool with_line = layout_ == config::Layout::discovery && !result.own_host;
  return with_line ? item_key(name, result.line) : name;
}

Record ItemMapper::map(const LineResult& result, connection::TimePoint now) {
  Record record;
  record.items.reserve(most_items);
  record.host = valid_text(result.zabbix_host);
  record.line = result.line;
  record.turn = result.state != LineState::removed;
  set_clock(record, result.clock);
  const auto add = [&](const char* name, std::string text) {
    record.items.push_back({key(name, result), std::move(text)});
  };
  const auto figure = [&](const char* name, const Figure& value) {
    if (!value) return;
    if (auto text = decimal(*value)) add(name, *std::move(text));
  };

  const bool up = result.state == LineState::up;
  if (up || result.state == LineState::down) {
    add("line.up", up ? "1" : "0");
    figure("line.loss", loss_percent(result));
  }
  if (up && result.figures) {
    figure("line.rtt.min", seconds(result.figures->min_ms));
    figure("line.rtt.avg", seconds(result.figures->avg_ms));
    figure("line.rtt.max", seconds(result.figures->max_ms));
    figure("line.rtt.stddev", seconds(result.figures->stddev_ms));
    figure("line.jitter", seconds(jitter_ms(*result.figures)));
  }
  // A turn that never began (skipped, overloaded) took no time worth a figure.
  if (result.figures || result.check_time.count() > 0) figure("line.check.time", result.check_time.count());
  std::string error = error_text(result);
  if (errors_.due(result.line, error, now)) add("line.error", std::move(error));
  if (result.state == LineState::removed) errors_.forget(result.line);
  add("line.status", std::to_string(static_cast<int>(result.state)));
  return record;
}

Record ItemMapper::map(const TaskResult& result) const {
  Record record;
  record.host = valid_text(result.zabbix_host);
  record.line = result.line;
  set_clock(record, result.clock);
  const bool with_line = layout_ == config::Layout::discovery && !result.line.empty() && !result.own_host;
  for (const TaskFigure& value : result.values) {
    std::string key = with_line ? config::line_item(value.item, result.line) : value.item;
    record.items.push_back({valid_text(key), valid_text(value.text)});
  }
  return record;
}

}  // namespace linewatch::aggregator
