#include "aggregator/aggregator.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <stop_token>
#include <utility>

#include "aggregator/items.hpp"
#include "aggregator/store.hpp"

namespace linewatch::aggregator {

namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;
using connection::TimePoint;

// Longest wait for the disk at the end, when the time for sending is over; it takes milliseconds.
constexpr auto last_commit = std::chrono::seconds(2);

struct Aggregator::Impl : std::enable_shared_from_this<Impl> {
  asio::any_io_executor loop;
  connection::Resolver& resolver;
  std::shared_ptr<spdlog::logger> log;
  DeliveryOptions options;
  config::Layout layout;
  ItemMapper::Keys keys;
  ItemMapper mapper;
  std::shared_ptr<Store> store;
  std::vector<std::shared_ptr<Sender>> senders;
  Gone gone;
  asio::steady_timer changed;  // cancelled when a sender ends or a drain is to end
  int running = 0;

  Impl(asio::any_io_executor executor, const config::ZabbixSettings& settings, connection::Resolver& names,
       std::shared_ptr<spdlog::logger> logger, DeliveryOptions how)
      : loop(std::move(executor)),
        resolver(names),
        log(std::move(logger)),
        options(how),
        layout(settings.layout),
        keys(settings.keys),
        mapper(layout, keys),
        store(make_store(loop, settings.buffer, options, log)),
        changed(loop) {
    store->open();
    for (const config::ZabbixServer& server : settings.servers)
      senders.push_back(make_sender(settings, server));
    store->forget_other_destinations();
  }

  static std::shared_ptr<Store> make_store(const asio::any_io_executor& loop,
                                           const config::BufferSettings& limits,
                                           const DeliveryOptions& options,
                                           const std::shared_ptr<spdlog::logger>& log) {
    std::unique_ptr<Journal> journal;
    if (!options.buffer_file.empty() && limits.disk > 0)
      journal = std::make_unique<Journal>(loop, options.buffer_file, limits.synchronous);
    std::error_code ignored;
    if (!journal && !options.buffer_file.empty() && std::filesystem::exists(options.buffer_file, ignored))
      log->warn("what an earlier run left in the buffer is not sent while zabbix.buffer.disk is 0 file={}",
                options.buffer_file.string());
    return std::make_shared<Store>(loop, limits, std::move(journal), log, options.buffer);
  }

  std::shared_ptr<Sender> make_sender(const config::ZabbixSettings& settings,
                                      const config::ZabbixServer& server) {
    return std::make_shared<Sender>(loop, settings, server, store, resolver, log, options);
  }

  static Awaitable<void> run(std::shared_ptr<Sender> sender) { co_await sender->run(); }

  void start(const std::shared_ptr<Sender>& sender) {
    ++running;
    asio::co_spawn(loop, run(sender), [self = shared_from_this(), sender](std::exception_ptr failure) {
      self->sender_ended(sender, failure);
    });
  }

  void sender_ended(const std::shared_ptr<Sender>& sender, const std::exception_ptr& failure) {
    --running;
    changed.cancel();
    if (std::ranges::find(senders, sender) == senders.end()) {  // its destination was removed
      const DestinationStatistics its = sender->statistics();
      gone.dropped += its.dropped;
      gone.failed += its.failed;
      sender->say_unsent(DropReason::removed);
      store->remove_destination(sender->index());
    }
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log->error("a sender to zabbix ended by a bug, please report it cause=\"{}\"", error.what());
    }
  }

  void keep(Record record, TimePoint now) { store->add(std::move(record), now); }

  void notify() {
    for (const auto& sender : senders) sender->notify();
  }

  // Who delivers there already: to the very same, else to one that shares a node with it, be it reached
  // otherwise: what waits for a server whose key was wrong is what its right key is for.
  static std::vector<std::shared_ptr<Sender>>::iterator same_cluster(
      std::vector<std::shared_ptr<Sender>>& senders, const config::ZabbixServer& server) {
    const auto same = std::ranges::find_if(
        senders, [&](const auto& sender) { return sender && sender->server() == server; });
    if (same != senders.end()) return same;
    return std::ranges::find_if(senders, [&](const auto& sender) {
      return sender &&
             std::ranges::find_first_of(sender->server().nodes, server.nodes) != sender->server().nodes.end();
    });
  }

  void reconfigure(const config::ZabbixSettings& settings) {
    if (layout != settings.layout || keys != settings.keys) {
      layout = settings.layout;
      keys = settings.keys;
      mapper = ItemMapper(layout, keys);
    }
    store->set_limits(settings.buffer);
    auto before = std::exchange(senders, {});
    for (const config::ZabbixServer& server : settings.servers) {
      const auto known = same_cluster(before, server);
      if (known != before.end()) {
        (*known)->reconfigure(settings, server);
        senders.push_back(std::exchange(*known, nullptr));
        continue;
      }
      senders.push_back(make_sender(settings, server));
      start(senders.back());
    }
    for (const auto& sender : before) {
      if (sender) sender->stop();
    }
  }

  void stop() {
    for (const auto& sender : senders) sender->stop();
  }

  static Awaitable<void> wait(std::shared_ptr<Impl> self, TimePoint limit) {
    boost::system::error_code woken;
    self->changed.expires_at(limit);
    co_await self->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  static Awaitable<void> drain(std::shared_ptr<Impl> self, Context ctx) {
    for (const auto& sender : self->senders) sender->drain();
    const auto wake = [self] { asio::post(self->loop, [self] { self->changed.cancel(); }); };
    {
      const std::stop_callback on_stop(ctx.stop(), wake);
      while (self->running > 0 && !ctx.stopped() && !ctx.expired()) co_await wait(self, ctx.deadline());
    }
    self->stop();
    while (self->running > 0) co_await wait(self, TimePoint::max());
    const Context writing = Context().within(last_commit);
    co_await self->store->close(writing);
    for (const auto& sender : self->senders) sender->say_unsent(DropReason::stopped);
    self->store->drop_unsaved();
  }
};

Aggregator::Aggregator(asio::any_io_executor loop, const config::ZabbixSettings& settings,
                       connection::Resolver& resolver, std::shared_ptr<spdlog::logger> log,
                       DeliveryOptions options)
    : impl_(std::make_shared<Impl>(std::move(loop), settings, resolver, std::move(log), options)) {}

Aggregator::~Aggregator() {
  impl_->stop();
}

void Aggregator::start() {
  impl_->store->on_ready([weak = std::weak_ptr(impl_)] {
    if (const auto impl = weak.lock()) impl->notify();
  });
  for (const auto& sender : impl_->senders) impl_->start(sender);
}

void Aggregator::reconfigure(const config::ZabbixSettings& settings) {
  impl_->reconfigure(settings);
}

void Aggregator::submit(const LineResult& result, WallTime not_before) {
  const TimePoint now = Clock::now();
  Record record = impl_->mapper.map(result, now);
  record.not_before = not_before;
  impl_->keep(std::move(record), now);
}

void Aggregator::submit(const TaskResult& result, WallTime not_before) {
  Record record = impl_->mapper.map(result);
  record.not_before = not_before;
  impl_->keep(std::move(record), Clock::now());
}

void Aggregator::submit(Record record) {
  impl_->keep(std::move(record), Clock::now());
}

namespace {
constexpr std::string_view skipped_prefix = "skipped.";
}

void Aggregator::skipped(std::string_view reason, std::uint64_t turns) {
  impl_->store->count(std::string(skipped_prefix) + std::string(reason), turns);
}

void Aggregator::set_turn(LineKey line, std::int64_t last) {
  impl_->store->set_turn(line, last);
}

std::unordered_map<LineKey, std::int64_t> Aggregator::take_last_turns() {
  const std::vector<LineTurn> turns = impl_->store->take_last_turns();
  return {turns.begin(), turns.end()};
}

void Aggregator::on_turns_found(std::function<void()> call) {
  impl_->store->on_turns_found(std::move(call));
}

void Aggregator::set_turns(std::vector<LineTurn> turns) {
  impl_->store->set_turns(std::move(turns));
}

std::map<std::string, std::uint64_t> Aggregator::skipped_turns() const {
  std::map<std::string, std::uint64_t> out;
  for (const auto& [name, value] : impl_->store->counters()) {
    if (name.starts_with(skipped_prefix)) out.emplace(name.substr(skipped_prefix.size()), value);
  }
  return out;
}

std::uint64_t Aggregator::dropped_with_destinations() const {
  return impl_->store->dropped_with_destinations();
}

Aggregator::Gone Aggregator::gone() const {
  return impl_->gone;
}

BufferStatistics Aggregator::buffer() const {
  return impl_->store->statistics();
}

Awaitable<void> Aggregator::drain(Context ctx) {
  std::shared_ptr<Impl> impl = impl_;
  co_await Impl::drain(impl, ctx);
}

std::vector<RefusedItems> Aggregator::unexplained(std::size_t most_hosts, std::size_t most_items) const {
  std::vector<RefusedItems> all;
  for (const auto& sender : impl_->senders) {
    RefusedItems refused = sender->unexplained(most_hosts, most_items);
    if (!refused.items.empty()) all.push_back(std::move(refused));
  }
  return all;
}

void Aggregator::explain(const RefusedItems& refused) {
  for (const auto& sender : impl_->senders) {
    if (sender->name() == refused.destination) sender->explain(refused.items);
  }
}

std::vector<DestinationStatistics> Aggregator::statistics() const {
  std::vector<DestinationStatistics> all;
  for (const auto& sender : impl_->senders) all.push_back(sender->statistics());
  return all;
}

}  // namespace linewatch::aggregator
