// Results on their way to Zabbix, through the whole aggregator with its buffer on disk: as they come, and
// after an outage.

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "aggregator/aggregator.hpp"
#include "aggregator/items.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/folder.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/results.hpp"

namespace linewatch::bench {

using namespace aggregator;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using connection::Awaitable;
using connection::Clock;
using connection::Context;

namespace {

constexpr std::uint64_t at_work = 80'000;  // values in memory, at most, while they are sent as they come
constexpr std::uint64_t values_of_outage = 1'000'000;
constexpr int at_once = 25;  // results in one turn of the loop

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Delivery {
  Folder folder;
  asio::io_context loop{1};
  connection::Resolver resolver{1};
  config::ZabbixSettings settings;
  Results results;
  std::unique_ptr<Aggregator> aggregator;
  asio::steady_timer pause{loop}, late{loop};
  Clock::duration latest{};  // that `late` came

  explicit Delivery(const Server& server) {
    settings.servers.push_back({{config::Node{server.address, server.port}}, {}});
    DeliveryOptions options;
    options.buffer_file = folder.path() / "buffer.db";
    auto log = std::make_shared<spdlog::logger>("bench", std::make_shared<spdlog::sinks::stderr_sink_st>());
    log->set_level(spdlog::level::warn);
    aggregator = std::make_unique<Aggregator>(loop.get_executor(), settings, resolver, log, options);
  }

  // What is held up on the loop holds up a timer that is always due within a millisecond.
  void watch() {
    late.expires_after(1ms);
    late.async_wait([this](boost::system::error_code cancelled) {
      if (cancelled) return;
      latest = std::max(latest, Clock::now() - late.expiry());
      watch();
    });
  }

  void run(Awaitable<void> task) {
    asio::co_spawn(loop, std::move(task), [this](const std::exception_ptr& bug) {
      if (bug) std::rethrow_exception(bug);
      late.cancel();
      loop.stop();
    });
    loop.restart();
    loop.run();
  }

  DestinationStatistics figures() const { return aggregator->statistics().front(); }
};

Awaitable<void> wait(Delivery& delivery, Clock::duration how_long) {
  boost::system::error_code ignored;
  delivery.pause.expires_after(how_long);
  co_await delivery.pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

// Results come, and wait while more than `most` values lie in memory.
Awaitable<void> pour(Delivery& delivery, std::uint64_t values, std::uint64_t most) {
  for (std::uint64_t poured = 0; poured < values; poured += at_once * Results::values) {
    for (int i = 0; i < at_once; ++i) delivery.aggregator->submit(delivery.results.next());
    co_await asio::post(delivery.loop, asio::use_awaitable);
    while (delivery.aggregator->buffer().memory_values > most) co_await wait(delivery, 1ms);
  }
}

Awaitable<void> drain(Delivery& delivery) {
  const Context ctx = Context().within(100s);
  co_await delivery.aggregator->drain(ctx);
}

Awaitable<void> deliver(Delivery& delivery, std::uint64_t values) {
  co_await pour(delivery, values, at_work);
  co_await drain(delivery);
}

Awaitable<void> store(Delivery& delivery) {
  co_await pour(delivery, values_of_outage, delivery.settings.buffer.memory);
}

// How many arrived: all of them.
double arrived(const Delivery& delivery) {
  const DestinationStatistics figures = delivery.figures();
  if (figures.processed == 0 || figures.failed + figures.dropped + figures.queued > 0)
    give_up("not all values arrived: " + figures.last_error);
  return static_cast<double>(figures.processed);
}

}  // namespace

void measure_delivery(const Server& server, std::uint64_t values) {
  Delivery delivery(server);
  delivery.aggregator->start();
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  delivery.run(deliver(delivery, values));
  const double took = seconds_since(begin), used = cpu_seconds() - cpu;
  print_row("delivery.values", arrived(delivery));
  print_row("delivery.time", took / arrived(delivery) * 1e6);
  print_row("delivery.cpu", used / arrived(delivery) * 1e6);
}

// As long as nothing is delivered the aggregator is not started.
void measure_outage(const Server& server) {
  Delivery delivery(server);
  delivery.run(store(delivery));
  const double cpu = cpu_seconds();
  const auto begin = Clock::now();
  delivery.aggregator->start();
  delivery.watch();
  delivery.run(drain(delivery));
  const double took = seconds_since(begin), used = cpu_seconds() - cpu;
  print_row("outage.time", took / arrived(delivery) * 1e6);
  print_row("outage.cpu", used / arrived(delivery) * 1e6);
  print_row("outage.stall", std::chrono::duration<double, std::milli>(delivery.latest).count());
}

void print_values(std::uint64_t values) {
  ItemMapper mapper(config::Layout::discovery);
  Results results;
  for (std::uint64_t printed = 0; printed < values;) {
    const Record record = mapper.map(results.next(), Clock::now());
    for (const Item& item : record.items)
      fmt::print("{} {} {} {} \"{}\"\n", record.host, item.key, record.clock, record.ns, item.text);
    printed += record.items.size();
  }
}

}  // namespace linewatch::bench
