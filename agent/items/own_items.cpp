#include "agent/items/own_items.hpp"

#include <algorithm>
#include <utility>

#include "aggregator/items.hpp"

namespace linewatch::agent {

using connection::Clock;
using connection::Histogram;
using connection::TimePoint;

namespace {

constexpr std::size_t hosts_at_once = 100;

}  // namespace

OwnItems::OwnItems(boost::asio::any_io_executor loop, const Fleet& fleet, aggregator::Aggregator& aggregator,
                   Pace pace)
    : fleet_(fleet), aggregator_(aggregator), pace_(pace), agent_timer_(loop), look_timer_(loop) {}

void OwnItems::start(const SharedPlan& plan) {
  agent_name_ = plan->settings().agent.name;
  apply(plan);
  say_agent();
  look_at_some();
}

// What was said of a host that stays is remembered; the first word of another one comes soon.
void OwnItems::apply(const SharedPlan& plan) {
  lines_ = plan->lines();
  std::map<std::string, Host> hosts;
  for (const scheduler::RouterPlan& each : plan->routers()) {
    if (!each.router->own_items) continue;
    const auto [place, added] = hosts.try_emplace(each.router->zabbix_host);
    place->second.name = place->first;
    place->second.routers.push_back(each.router->name);
  }
  for (Host& before : hosts_) {
    const auto found = hosts.find(before.name);
    if (found == hosts.end() || found->second.routers != before.routers) continue;
    found->second = std::move(before);
  }
  hosts_.clear();
  for (auto& [name, host] : hosts) hosts_.push_back(std::move(host));
  next_ = 0;
}

void OwnItems::stop() {
  agent_timer_.cancel();
  look_timer_.cancel();
}

void OwnItems::say_agent() {
  const aggregator::Aggregator::Gone gone = aggregator_.gone();
  const AgentFigures figures{fleet_.workers().size(),
                             lines_,
                             fleet_.statistics(),
                             aggregator_.statistics(),
                             gone.dropped + aggregator_.dropped_with_destinations(),
                             gone.failed};
  aggregator::Record record = aggregator::record_at(agent_name_, std::chrono::system_clock::now());
  record.items = items_of(figures, std::exchange(lateness_, figures.turns.lateness));
  aggregator_.submit(std::move(record));
  agent_timer_.expires_after(pace_.agent);
  agent_timer_.async_wait([this](boost::system::error_code stopped) {
    if (!stopped) say_agent();
  });
}

void OwnItems::look_at_some() {
  const std::size_t count = std::min(hosts_at_once, hosts_.size());
  const TimePoint now = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    look_at(hosts_[next_], now);
    next_ = (next_ + 1) % hosts_.size();
  }
  const auto share = std::max<std::size_t>(1, (hosts_.size() + hosts_at_once - 1) / hosts_at_once);
  look_timer_.expires_after(pace_.look / static_cast<Clock::rep>(share));
  look_timer_.async_wait([this](boost::system::error_code stopped) {
    if (!stopped) look_at_some();
  });
}

void OwnItems::look_at(Host& host, TimePoint now) {
  RouterFigures figures;
  for (const std::string& name : host.routers) {
    const scheduler::RouterWorker* const worker = fleet_.find(name);
    if (!worker) continue;
    RouterFigures its = figures_of(worker->pool().snapshot(), worker->pauses().router_until().has_value());
    if (host.routers.size() == 1) {
      figures = std::move(its);
    } else {
      figures.add(its, name);
    }
  }
  if (!figures.status) return;
  const bool other_error = figures.error != host.error && now - host.said >= pace_.error;
  if (figures.status == host.status && !other_error && now - host.said < pace_.refresh) return;
  const bool anew = figures.logins.count() < host.logins.count();  // a router went and came back
  aggregator::Record record = aggregator::record_at(host.name, std::chrono::system_clock::now());
  record.items = items_of(figures, anew ? Histogram() : host.logins);
  aggregator_.submit(std::move(record));
  host.status = figures.status;
  host.error = std::move(figures.error);
  host.logins = figures.logins;
  host.said = now;
}

}  // namespace linewatch::agent
