#include "agent/items/discovery.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "aggregator/items.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::TimePoint;
using WallClock = std::chrono::system_clock;

namespace {

constexpr std::size_t rows_at_once = 2000;   // some 600 KiB of values
constexpr std::chrono::minutes next_try{1};  // while nobody takes values

// The line as somebody, this agent or another of the shard, fills its items on that host; null: nobody does.
const config::Line* line_on(const config::Settings& settings, const std::string& id,
                            const std::string& host) {
  const config::Line* const line = settings.line(id);
  if (settings.zabbix.layout != config::Layout::discovery || !line || !line->enabled) return nullptr;
  if (line->own_host || line->zabbix_host != host) return nullptr;
  const config::Router* const router = settings.router(line->router);
  return router && router->enabled ? line : nullptr;
}

}  // namespace

struct Discovery::Batch {
  SharedPlan plan;                          // keeps the hosts
  std::vector<const DiscoveryHost*> hosts;  // in it
  std::vector<std::string> texts;           // beside them
  bool done = false;
};

Discovery::Discovery(asio::any_io_executor loop, const Background& background,
                     aggregator::Aggregator& aggregator, const std::filesystem::path& state_dir,
                     std::shared_ptr<spdlog::logger> log, Clock::duration repeat)
    : loop_(loop),
      background_(background.queue()),
      aggregator_(aggregator),
      state_dir_(state_dir),
      repeat_(repeat),
      log_(log),
      file_(loop, background, state_dir, log),
      changed_(loop) {}

void Discovery::start(const SharedPlan& plan) {
  plan_ = plan;
  take_over(load_known_lines(state_dir_, *log_));
  const TimePoint now = Clock::now();
  for (const DiscoveryHost& host : plan_->discovery())
    if (host.ours) put(host.name, now, true);
  running_ = true;
  asio::co_spawn(loop_, run(), [](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
  });
}

// A line that went while no agent ran is still an item in Zabbix, and its last value no longer true. After a
// change of the layout that item has a name that is not known any more.
void Discovery::take_over(KnownLines lines) {
  file_.begin_with(lines);
  known_ = std::move(lines);
  const config::Settings& settings = plan_->settings();
  const auto today = std::chrono::floor<std::chrono::seconds>(WallClock::now()).time_since_epoch();
  std::vector<std::pair<std::string, std::string>> gone;
  for (const auto& [id, known] : known_) {
    const config::Line* const line = line_on(settings, id, known.host);
    const std::chrono::seconds age{std::max<std::int64_t>(0, today.count() - known.since)};
    if (!line || !plan_->measures(*line)) {
      gone.emplace_back(id, known.host);
    } else if (age < settings.zabbix.discovery_hold) {
      hold_from(id, settings.zabbix.discovery_hold - age);
    }
  }
  std::set<std::string> emptied;
  for (const auto& [id, host] : gone) {
    const bool ended = settings.zabbix.layout == config::Layout::discovery && !line_on(settings, id, host);
    if (ended) aggregator_.submit(aggregator::removed_line(id, "", host, false));
    if (!find_host(plan_->discovery(), host)) emptied.insert(host);
    forget(id, host);
  }
  for (const std::string& host : emptied) submit(host, "[]");
  if (!gone.empty()) log_->info("lines of the last run are not measured any more lines={}", gone.size());
  file_.save();
}

void Discovery::apply(const SharedPlan& before, const SharedPlan& after, const PlanSteps& steps) {
  plan_ = after;
  for (const config::Line* line : steps.removed) forget(line->id, line->zabbix_host);
  for (const std::string& host : steps.discovery.left) drop(host);
  for (const std::string& host : steps.discovery.emptied) {
    drop(host);
    submit(host, "[]");
  }
  const TimePoint now = Clock::now();
  for (const std::string& host : steps.discovery.again) put(host, now, true);
  if (before->settings().zabbix.servers != after->settings().zabbix.servers) {  // a new one knows nothing yet
    for (const DiscoveryHost& host : after->discovery())
      if (host.ours) put(host.name, now, true);
  }
  file_.save();
  changed_.ring();
}

Awaitable<void> Discovery::stop() {
  stopping_ = true;
  changed_.ring();
  while (running_) co_await changed_.wait(Context());
  file_.finish();
}

Discovery::WallTime Discovery::hold(const std::string& line, const std::string& host, bool own_host) {
  const config::ZabbixSettings& zabbix = plan_->settings().zabbix;
  const bool never = zabbix.discovery_hold == config::Duration::zero();
  if (own_host || never || zabbix.layout != config::Layout::discovery) return {};
  const auto known = known_.find(line);
  if (known == known_.end() || known->second.host != host)  // Zabbix is told in a moment
    return WallClock::now() + zabbix.discovery_hold;
  const auto held = held_.find(line);
  if (held == held_.end()) return {};
  if (Clock::now() < held->second.until) return held->second.wall;
  held_.erase(held);
  return {};
}

Awaitable<void> Discovery::run() {
  while (!stopping_) {
    const std::shared_ptr<Batch> batch = next_batch(Clock::now());
    if (!batch) {
      const Context until = due_.empty() ? Context() : Context().until(due_.begin()->first);
      co_await changed_.wait(until);
      continue;
    }
    co_await fill(batch);
    if (batch->done) co_await submit(batch);
    file_.save();
  }
  running_ = false;
  changed_.ring();
}

// What is only said once more waits while nobody takes it: a long outage would fill the buffer with it.
std::shared_ptr<Discovery::Batch> Discovery::next_batch(TimePoint now) {
  auto batch = std::make_shared<Batch>();
  batch->plan = plan_;
  const bool listened = somebody_listens();
  for (std::size_t rows = 0; rows < rows_at_once && !due_.empty() && due_.begin()->first <= now;) {
    const std::string name = due_.begin()->second;
    const DiscoveryHost* const host = find_host(plan_->discovery(), name);
    if (!host) {
      drop(name);
    } else if (!hosts_[name].news && !listened) {
      put(name, now + next_try, false);
    } else {
      batch->hosts.push_back(host);
      rows += host->lines.size();
      put(name, TimePoint::max(), true);  // under way
    }
  }
  return batch->hosts.empty() ? nullptr : batch;
}

Awaitable<void> Discovery::fill(std::shared_ptr<Batch> batch) {
  const auto done = [this, batch] {
    batch->done = true;
    changed_.ring();
  };
  Background::post(background_, [batch, done, loop = loop_] {
    for (const DiscoveryHost* host : batch->hosts) batch->texts.push_back(discovery_text(*host));
    asio::post(loop, done);
  });
  while (!batch->done && !stopping_) co_await changed_.wait(Context());
}

// When the plan has changed meanwhile, the rest is done anew.
Awaitable<void> Discovery::submit(std::shared_ptr<Batch> batch) {
  Slices slices(loop_);
  std::size_t next = 0;
  for (; next < batch->hosts.size() && batch->plan == plan_; ++next) {
    const DiscoveryHost& host = *batch->hosts[next];
    submit(host.name, std::move(batch->texts[next]));
    for (const config::Line* line : host.lines) {
      if (plan_->measures(*line)) learn(*line);
      if (slices.over()) co_await slices.next();
      if (batch->plan != plan_) break;
    }
    if (batch->plan != plan_) break;
    const double part = std::uniform_real_distribution<double>(0.5, 1)(random_);
    put(host.name, Clock::now() + std::chrono::duration_cast<Clock::duration>(repeat_ * part), false);
  }
  for (; next < batch->hosts.size(); ++next) {
    const std::string& name = batch->hosts[next]->name;
    if (hosts_.contains(name)) put(name, Clock::now(), true);
  }
}

void Discovery::submit(const std::string& host, std::string text) {
  aggregator::Record record = aggregator::record_at(host, WallClock::now());
  record.items.add(discovery_key, text);
  aggregator_.submit(std::move(record));
}

void Discovery::learn(const config::Line& line) {
  const auto known = known_.find(line.id);
  if (known != known_.end() && known->second.host == line.zabbix_host) return;
  const auto since = std::chrono::ceil<std::chrono::seconds>(WallClock::now()).time_since_epoch().count();
  const KnownLine learnt{line.zabbix_host, since};
  known_.insert_or_assign(line.id, learnt);
  file_.note(line.id, learnt);
  const config::Duration length = plan_->settings().zabbix.discovery_hold;
  if (length > config::Duration::zero()) hold_from(line.id, length);
}

void Discovery::forget(const std::string& line, const std::string& host) {
  const auto known = known_.find(line);
  if (known == known_.end() || known->second.host != host) return;  // it is on another one by now
  file_.note(line, std::nullopt);
  held_.erase(line);
  known_.erase(known);
}

void Discovery::hold_from(const std::string& line, Clock::duration length) {
  const auto wall = std::chrono::duration_cast<WallClock::duration>(length);
  held_.insert_or_assign(line, Held{Clock::now() + length, WallClock::now() + wall});
}

void Discovery::put(const std::string& host, TimePoint due, bool news) {
  drop(host);
  hosts_.emplace(host, Told{due, news});
  due_.emplace(due, host);
}

void Discovery::drop(const std::string& host) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return;
  due_.erase({found->second.due, host});
  hosts_.erase(found);
}

bool Discovery::somebody_listens() const {
  const auto destinations = aggregator_.statistics();
  return destinations.empty() || std::ranges::any_of(destinations, [](const auto& destination) {
           return destination.last_error.empty();
         });
}

}  // namespace linewatch::agent
