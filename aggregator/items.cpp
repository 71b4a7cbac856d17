#include "aggregator/items.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>

#include "aggregator/text.hpp"
#include "config/stable_hash.hpp"

namespace linewatch::aggregator {
namespace {

using Figure = std::optional<double>;

constexpr std::size_t usual_octets = 280;  // of the items of a ping's result

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

constexpr std::string_view of_lines = "line.";  // what zabbix.keys leaves out of the items' names

// The line's id stands in the keys where the host has other lines too.
bool names_line(config::Layout layout, const std::string& line, bool own_host) {
  return layout == config::Layout::discovery && !line.empty() && !own_host;
}

}  // namespace

Record record_at(std::string_view host, std::chrono::system_clock::time_point clock) {
  Record record;
  record.host = valid_text(host);
  const auto since = std::max(clock.time_since_epoch(), std::chrono::system_clock::duration::zero());
  const auto whole = std::chrono::floor<std::chrono::seconds>(since);
  record.clock = whole.count();
  record.ns =
      static_cast<std::int32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since - whole).count());
  return record;
}

double whole_loss(double percent) {
  return percent >= 100 ? 100 : std::min(99.0, std::ceil(percent));
}

std::string_view ddl_word(const LineResult& result) {
  switch (result.state) {
    case LineState::up:
    case LineState::removed:
      return {};
    case LineState::down:
      return result.figures && result.figures->status == PingStatus::unreachable ? "NoRouteToHost"
                                                                                 : "RequestTimeout";
    case LineState::line_error:
      return result.figures && !result.figures->refused ? "ParseResultFailed" : "ExecutionError";
    case LineState::router_error:
      return result.timed_out ? "CheckTimeout" : "ConnectionError";
    case LineState::agent_error:
      return result.timed_out ? "CheckTimeout" : "ExecutionError";
  }
  return {};
}

bool ErrorMemory::due(LineKey line, const std::string& text, connection::TimePoint now) {
  const std::size_t hash = std::hash<std::string>{}(text);
  const auto found = said_.find(line);
  if (found != said_.end() && found->second.hash == hash && now - found->second.at < repeat) return false;
  if (found == said_.end() && said_.size() >= max_lines_) said_.clear();
  said_.insert_or_assign(line, Said{hash, now});
  return true;
}

const config::KeyMapping* ItemMapper::other_key(std::string_view item) const {
  if (keys_.empty() || !item.starts_with(of_lines)) return nullptr;
  const auto found = keys_.find(std::string(item.substr(of_lines.size())));
  return found == keys_.end() ? nullptr : &found->second;
}

// A line's values as they come into a record, under the keys that the site wants.
class ItemMapper::Values {
 public:
  Values(const ItemMapper& mapper, const LineResult& result, Record& record)
      : mapper_(mapper),
        record_(record),
        line_(result.line),
        with_line_(names_line(mapper.layout_, result.line, result.own_host)) {
    if (with_line_) in_brackets_ = item_key({}, line_);
  }

  void add(const char* item, std::string_view text) { add(item, mapper_.other_key(item), text); }

  void add(const char* item, const Figure& value) {
    if (!value) return;
    const config::KeyMapping* const other = mapper_.other_key(item);
    const bool loss = std::string_view(item) == "line.loss";
    const double sent = !other || !other->integer ? *value : loss ? whole_loss(*value) : std::round(*value);
    if (auto text = decimal(sent)) add(item, other, *text);
  }

 private:
  void add(std::string_view item, const config::KeyMapping* other, std::string_view text) {
    if (!other) return record_.items.add(item, in_brackets_, text);
    if (other->key.empty()) return;  // not wanted
    const std::string& key = other->key;
    record_.items.add(with_line_ ? config::line_item(key, line_) : key, text);
  }

  const ItemMapper& mapper_;
  Record& record_;
  const std::string& line_;
  bool with_line_;
  std::string in_brackets_;  // the line, where the keys name it
};

Record ItemMapper::map(const LineResult& result, connection::TimePoint now) {
  Record record = record_at(result.zabbix_host, result.clock);
  record.items.reserve(usual_octets);
  record.line = config::stable_hash(result.line);
  record.turn = result.state != LineState::removed;
  Values values(*this, result, record);
  const bool up = result.state == LineState::up;
  if (up || result.state == LineState::down) {
    values.add("line.up", up ? "1" : "0");
    values.add("line.loss", loss_percent(result));
  }
  if (up && result.figures) {
    values.add("line.rtt.min", seconds(result.figures->min_ms));
    values.add("line.rtt.avg", seconds(result.figures->avg_ms));
    values.add("line.rtt.max", seconds(result.figures->max_ms));
    values.add("line.rtt.stddev", seconds(result.figures->stddev_ms));
    values.add("line.jitter", seconds(jitter_ms(*result.figures)));
  }
  // A turn that never began (skipped, overloaded) took no time worth a figure.
  if (result.figures || result.check_time.count() > 0)
    values.add("line.check.time", Figure(result.check_time.count()));
  const config::KeyMapping* const other_error = other_key("line.error");
  if (other_error && other_error->ddl_words) {  // as it ever was: with each run that failed, and only then
    const std::string_view word = ddl_word(result);
    if (!word.empty()) values.add("line.error", word);
  } else if (std::string error = error_text(result); errors_.due(record.line, error, now)) {
    values.add("line.error", error);
  }
  if (result.state == LineState::removed) errors_.forget(record.line);
  values.add("line.status", std::to_string(static_cast<int>(result.state)));
  return record;
}

Record ItemMapper::map(const TaskResult& result) const {
  Record record = record_at(result.zabbix_host, result.clock);
  if (!result.line.empty()) record.line = config::stable_hash(result.line);
  const bool with_line = names_line(layout_, result.line, result.own_host);
  for (const TaskFigure& value : result.values) {
    const config::KeyMapping* const other = result.line.empty() ? nullptr : other_key(value.item);
    const std::string& item = other ? other->key : value.item;
    if (item.empty()) continue;  // not wanted
    record.items.add(valid_text(with_line ? config::line_item(item, result.line) : item),
                     valid_text(value.text));
  }
  return record;
}

}  // namespace linewatch::aggregator
