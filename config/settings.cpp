#include "config/settings.hpp"
#include "config/stable_hash.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace linewatch::config {

namespace {

template <typename T>
const T* look_up(const std::vector<T>& all, std::string T::* name_of, const std::string& name,
                 const std::unordered_map<std::string, std::size_t>& index) {
  const auto known = index.find(name);
  if (known != index.end() && known->second < all.size() && all[known->second].*name_of == name) {
    return &all[known->second];
  }
  const auto found = std::ranges::find(all, name, name_of);
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

bool Shard::holds(std::string_view router) const {
  // Mixed first: the low bits of FNV follow the last characters of names that count by twos or tens.
  std::uint64_t mixed = stable_hash(router);
  mixed = (mixed ^ (mixed >> 33U)) * 0xff51afd7ed558ccdULL;
  mixed = (mixed ^ (mixed >> 33U)) * 0xc4ceb9fe1a85ec53ULL;
  mixed ^= mixed >> 33U;
  return mixed % static_cast<std::uint64_t>(of) == static_cast<std::uint64_t>(index - 1);
}

Duration Line::run_limit(const Platform& platform) const {
  // An endless ping is ended by the agent, which allows each probe some lateness of the device's clock.
  const PingProfile& ping = platform.ping;
  const Duration lateness = ping.endless ? 50ms : 0ms;
  const Duration usual = (count + warmup) * (std::max(timeout, ping.probe_interval) + lateness) + 5s;
  if (ping.endless || says_timeout(platform)) return usual;
  // The device waits for the last reply as long as it always does.
  return std::max(usual, (count + warmup) * ping.probe_interval + ping.probe_timeout + 5s);
}

bool Line::says_timeout(const Platform& platform) const {
  const auto& syntax = family == 6 ? platform.ping.ipv6 : platform.ping.ipv4;
  return syntax && syntax->timeout;
}

std::vector<std::string> Line::own_tasks() const {
  std::vector<std::string> names;
  if (!pinged()) names.push_back(task);
  for (const std::string& wanted : tasks) {
    if (wanted != task) names.push_back(wanted);
  }
  return names;
}

std::string Origins::text(const Place& place) const {
  return fmt::format("{}:{}:{}", files.at(place.file), place.line, place.column);
}

const Task* Settings::task(std::string_view name) const {
  const auto found = std::ranges::find(tasks, name, &Task::name);
  return found == tasks.end() ? nullptr : &*found;
}

const Router* Settings::router(const std::string& name) const {
  return look_up(routers, &Router::name, name, router_index);
}

const Line* Settings::line(const std::string& id) const {
  return look_up(lines, &Line::id, id, line_index);
}

void Settings::index() {
  router_index.clear();
  line_index.clear();
  for (std::size_t i = 0; i < routers.size(); ++i) router_index.try_emplace(routers[i].name, i);
  for (std::size_t i = 0; i < lines.size(); ++i) line_index.try_emplace(lines[i].id, i);
}

}  // namespace linewatch::config
