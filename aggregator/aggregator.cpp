#include "aggregator/aggregator.hpp"

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

struct Aggregator::Impl : std::enable_shared_from_this<Impl> {
  asio::any_io_executor loop;
  std::shared_ptr<spdlog::logger> log;
  ItemMapper mapper;
  std::shared_ptr<Store> store;
  std::vector<std::shared_ptr<Sender>> senders;
  asio::steady_timer changed;  // cancelled when a sender ends or a drain is to end
  int running = 0;
  bool ended = false;

  Impl(asio::any_io_executor executor, const config::ZabbixSettings& settings,
       std::shared_ptr<spdlog::logger> logger)
      : loop(std::move(executor)),
        log(std::move(logger)),
        mapper(settings.layout),
        store(std::make_shared<Store>(settings.buffer.memory, settings.buffer.max_age,
                                      settings.servers.size())),
        changed(loop) {}

  static Awaitable<void> run(std::shared_ptr<Sender> sender) { co_await sender->run(); }

  void start() {
    for (const auto& sender : senders) {
      ++running;
      asio::co_spawn(loop, run(sender), [self = shared_from_this()](std::exception_ptr failure) {
        self->sender_ended(failure);
      });
    }
  }

  void sender_ended(const std::exception_ptr& failure) {
    --running;
    changed.cancel();
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log->error("a sender to zabbix ended by a bug, please report it cause=\"{}\"", error.what());
    }
  }

  void keep(Record record, TimePoint now) {
    store->add(std::move(record), now);
    for (std::size_t i = 0; i < senders.size(); ++i) {
      if (ended)
        store->drop_all(i, DropReason::stopped);
      else
        senders[i]->notify();
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
    if (std::exchange(self->ended, true)) co_return;
    for (const auto& sender : self->senders) sender->give_up();
  }
};

Aggregator::Aggregator(asio::any_io_executor loop, const config::ZabbixSettings& settings,
                       connection::Resolver& resolver, std::shared_ptr<spdlog::logger> log,
                       DeliveryOptions options)
    : impl_(std::make_shared<Impl>(loop, settings, log)) {
  for (std::size_t i = 0; i < settings.servers.size(); ++i)
    impl_->senders.push_back(
        std::make_shared<Sender>(loop, settings, i, impl_->store, resolver, log, options));
}

Aggregator::~Aggregator() {
  impl_->stop();
}

void Aggregator::start() {
  impl_->start();
}

void Aggregator::submit(const LineResult& result) {
  const TimePoint now = Clock::now();
  impl_->keep(impl_->mapper.map(result, now), now);
}

void Aggregator::submit(const TaskResult& result) {
  impl_->keep(impl_->mapper.map(result), Clock::now());
}

Awaitable<void> Aggregator::drain(Context ctx) {
  std::shared_ptr<Impl> impl = impl_;
  co_await Impl::drain(impl, ctx);
}

std::vector<DestinationStatistics> Aggregator::statistics() const {
  std::vector<DestinationStatistics> all;
  for (const auto& sender : impl_->senders) all.push_back(sender->statistics());
  return all;
}

}  // namespace linewatch::aggregator
