#include "aggregator/refusals.hpp"

#include <algorithm>
#include <map>
#include <ranges>
#include <set>
#include <utility>

namespace linewatch::aggregator {

std::string Refusals::name_of(std::string_view host, std::string_view key) {
  std::string name(host);
  name += '\n';  // neither holds one
  name += key;
  return name;
}

std::string Refusals::name_of(const Record& record, std::size_t item) {
  return name_of(record.host, record.items[item].key);
}

void Refusals::answered(const std::vector<Row>& rows, std::uint64_t refused, Asking how,
                        connection::TimePoint now) {
  now_ = now;
  if (refused == 0 && known_.empty()) return;
  if (now >= next_look_round_) {  // what nobody measures any more is forgotten
    next_look_round_ = now + again;
    std::erase_if(known_, [&](const auto& known) { return now - known.second.seen > 2 * again + pause; });
  }
  std::uint64_t explained = 0;
  std::map<std::string, std::vector<Value>> unclear;  // by host, or all together
  std::set<std::string> newer;
  bool overdue = false;
  for (const Row& row : rows | std::views::reverse) {
    for (std::size_t item = 0; item < row.record->items.size(); ++item) {
      const Value value{row.record, item};
      std::string name = name_of(*row.record, item);
      const auto known = known_.find(name);
      if (known != known_.end() && refused == 0) {
        take(value);
        continue;
      }
      if (known != known_.end()) {
        ++explained;
        known->second.seen = now;
      }
      if (known != known_.end() && now - known->second.looked < again) continue;
      overdue = overdue || known != known_.end();
      if (!newer.insert(std::move(name)).second) continue;
      unclear[how.one_host ? row.record->host : std::string()].push_back(value);
    }
  }
  if (refused == 0 || !how.allowed || asking() || now < next_inquiry_ || (refused <= explained && !overdue))
    return;
  next_inquiry_ = now + pause;
  // Taken from the back: where time is too short for all hosts, each has its turn.
  const auto asked_last = unclear.lower_bound(asked_);
  for (auto each = asked_last; each != unclear.end(); ++each) open_.push_back(std::move(each->second));
  for (auto each = unclear.begin(); each != asked_last; ++each) open_.push_back(std::move(each->second));
}

void Refusals::probed(std::uint64_t processed) {
  const std::vector<Value> values = std::move(open_.back());
  open_.pop_back();
  asked_ = values.front().record->host;
  if (processed >= values.size()) {
    for (const Value& value : values) take(value);
  } else if (processed == 0) {
    for (const Value& value : values) refuse(value);
  } else {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    open_.emplace_back(values.begin(), middle);
    open_.emplace_back(middle, values.end());
  }
}

void Refusals::refuse(const Value& value) {
  const std::string key(value.record->items[value.item].key);
  std::string name = name_of(*value.record, value.item);
  if (known_.size() >= most_items && !known_.contains(name)) return;
  const auto [known, fresh] = known_.try_emplace(
      std::move(name), Known{value.record->host, key, std::chrono::system_clock::now(), now_, now_});
  known->second.looked = now_;
  if (fresh) findings_.push_back({value.record->host, key, true});
}

void Refusals::take(const Value& value) {
  if (known_.erase(name_of(*value.record, value.item)) == 0) return;
  findings_.push_back({value.record->host, std::string(value.record->items[value.item].key), false});
}

std::vector<RefusedItem> Refusals::some(std::size_t most) const {
  std::vector<RefusedItem> out;
  for (const auto& [name, known] : known_) {
    if (out.size() == most) break;
    out.push_back({known.host, known.key, known.since, known.reason});
  }
  std::ranges::sort(out, {}, [](const RefusedItem& one) { return std::pair(one.host, one.key); });
  return out;
}

std::vector<RefusedItem> Refusals::unexplained(std::size_t hosts_at_once, std::size_t items_at_once,
                                               connection::TimePoint now) const {
  std::vector<RefusedItem> out;
  if (asking()) return out;
  std::set<std::string_view> hosts;
  for (const auto& [name, known] : known_) {
    if (known.explained && now - *known.explained < again) continue;
    if (hosts.size() == hosts_at_once && !hosts.contains(known.host)) continue;
    if (out.size() == items_at_once) break;
    hosts.insert(known.host);
    out.push_back({known.host, known.key, known.since, known.reason});
  }
  return out;
}

bool Refusals::explain(const RefusedItem& item, connection::TimePoint now) {
  const auto known = known_.find(name_of(item.host, item.key));
  if (known == known_.end()) return false;
  known->second.explained = now;
  return std::exchange(known->second.reason, item.reason) != item.reason;
}

}  // namespace linewatch::aggregator
