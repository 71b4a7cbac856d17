#pragma once
// Delivers to one destination: takes batches from the store, sends each to a node of the cluster until it is
// settled, then the next, so that the order holds. Owned by the aggregator, on its loop; run() is its one
// coroutine.
//
// What a batch can come to:
//  - "success": settled. What the server refused of it (no such item, ...) is counted and said, and not sent
//  again.
//  - no connection, no or a broken answer, "failed": the other nodes are tried at once, then all again after
//  a back-off.
//    The values stay in the store; clock and ns make a resend of what had arrived harmless.
//  - closed without a word, again and again: see silent_close_guard.hpp.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "aggregator/delivery_log.hpp"
#include "aggregator/exchange.hpp"
#include "aggregator/silent_close_guard.hpp"
#include "aggregator/statistics.hpp"
#include "aggregator/store.hpp"

namespace linewatch::aggregator {

struct DeliveryOptions {
  ExchangeLimits exchange;
  connection::Clock::duration backoff_first = std::chrono::seconds(1);
  connection::Clock::duration backoff_max =
      std::chrono::seconds(30);  // doubling up to here, with +-20 % jitter
};

class Sender : public std::enable_shared_from_this<Sender> {
 public:
  // `index`: of this destination in the store.
  Sender(boost::asio::any_io_executor loop, const config::ZabbixSettings& settings,
         config::ZabbixServer server, std::size_t index, std::shared_ptr<Store> store,
         connection::Resolver& resolver, std::shared_ptr<spdlog::logger> log, DeliveryOptions options);

  connection::Awaitable<void> run();  // until stop(), or, once draining, until nothing is left
  void notify();                      // something was added to the store
  void drain();                       // what is there is due now
  void stop();                        // ends run() soon, whatever it is doing
  void give_up(DropReason reason);    // after run(): what is left counts as dropped
  // How it delivers from the next packet on, TLS included, and to which nodes of the same cluster.
  void reconfigure(const config::ZabbixSettings& settings, const config::ZabbixServer& server);
  const config::ZabbixServer& server() const { return server_; }
  std::size_t index() const { return index_; }
  DestinationStatistics statistics() const;

 private:
  connection::Awaitable<bool> round();  // one batch, each node at most once; true: settled
  connection::Awaitable<connection::Result<Answer>> try_nodes(const std::string& packet);
  connection::Awaitable<void> wait_until(connection::TimePoint when);
  std::string build(const Batch& batch) const;
  void settle(const Batch& batch, const Answer& answer);
  void keep(const connection::Error& error);
  connection::TimePoint due() const;  // when the next batch is; the far future: nothing is there
  connection::Clock::duration next_backoff();
  void note_drops();
  void settle_in();  // takes over what reconfigure() was told

  boost::asio::any_io_executor loop_;
  connection::Resolver& resolver_;
  config::ZabbixServer server_;
  std::string source_address_;
  std::size_t index_, batch_size_;
  config::Duration flush_interval_;
  bool compression_;
  std::shared_ptr<Store> store_;
  DeliveryOptions options_;
  std::string name_;
  DeliveryLog log_;
  std::shared_ptr<Exchange> exchange_;
  std::optional<config::ZabbixSettings> next_settings_;
  config::ZabbixServer next_server_;
  boost::asio::steady_timer wake_;
  std::stop_source stop_;
  SilentCloseGuard guard_;
  std::minstd_rand random_;
  connection::Clock::duration backoff_;
  std::size_t node_ = 0;  // sticky: the one that answered last
  std::uint64_t processed_ = 0, failed_ = 0;
  bool idle_ = false, draining_ = false, stopped_ = false;
};

}  // namespace linewatch::aggregator
