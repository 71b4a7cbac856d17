#pragma once
// Delivers to one destination. Takes what is due from the store, parts it into lanes of packets (packets.hpp)
// that are sent at the same time, waits for all of them, and takes the next: so many packets are in flight,
// and each item's values still arrive in their order. Owned by the aggregator, on its loop; run() is its one
// coroutine beside those of the lanes.
//
// What a packet can come to:
//  - "success": settled. What the server refused of it (no such item, ...) is counted and said, and not sent
//  again. What it has already of a packet whose answer was lost counts as processed.
//  - no connection, no or a broken answer, "failed": its rows go back to the store. The other nodes are tried
//  at once, then all again after a back-off, with one packet at first; the node that answers is stayed with.
//    Clock, ns and ids, which never change, make a resend of what had arrived harmless.
//  - a redirect (7.0 proxy groups): followed once, and the owner of the host is remembered (owners.hpp).
//  - closed without a word, again and again: see silent_close_guard.hpp.

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "aggregator/delivery_log.hpp"
#include "aggregator/exchange.hpp"
#include "aggregator/owners.hpp"
#include "aggregator/packets.hpp"
#include "aggregator/refusals.hpp"
#include "aggregator/silent_close_guard.hpp"
#include "aggregator/statistics.hpp"
#include "aggregator/store.hpp"
#include "connection/bell.hpp"

namespace linewatch::aggregator {

struct DeliveryOptions {
  ExchangeLimits exchange;
  connection::Clock::duration backoff_first = std::chrono::seconds(1);
  connection::Clock::duration backoff_max =
      std::chrono::seconds(30);       // doubling up to here, with +-20 % jitter
  std::filesystem::path buffer_file;  // empty: results are kept in memory alone
  StoreTiming buffer;
};

class Sender : public std::enable_shared_from_this<Sender> {
 public:
  Sender(boost::asio::any_io_executor loop, const config::ZabbixSettings& settings,
         config::ZabbixServer server, std::shared_ptr<Store> store, connection::Resolver& resolver,
         std::shared_ptr<spdlog::logger> log, DeliveryOptions options);

  connection::Awaitable<void> run();  // until stop(), or, once draining, until nothing is left
  void notify();                      // something was added to the store
  void drain();                       // what is there is due now
  void stop();                        // ends run() soon, whatever it is doing
  // How it delivers from the next packet on, and to which nodes of the same cluster.
  void reconfigure(const config::ZabbixSettings& settings, const config::ZabbixServer& server);
  // The latest it was told, though what is under way may still go elsewhere.
  const config::ZabbixServer& server() const { return next_settings_ ? next_server_ : server_; }
  std::size_t index() const { return index_; }  // of this destination in the store
  const std::string& name() const { return name_; }
  // Of what is left after run(), what is lost for this reason and what is kept for the next start.
  void say_unsent(DropReason reason);
  DestinationStatistics statistics() const;
  // The refused items whose reason is to be found out, and how values come to Zabbix.
  RefusedItems unexplained(std::size_t most_hosts, std::size_t most_items) const;
  void explain(const std::vector<RefusedItem>& items);  // says what is news

 private:
  // How a round of packets ended.
  struct Round {
    bool anything = false;                    // there was something to send
    bool answered = false;                    // at least one packet was settled
    std::optional<connection::Error> failed;  // the cause of the first that was not
  };

  connection::Awaitable<Round> round();
  connection::Awaitable<Round> probe();   // an empty packet
  connection::Awaitable<void> inquire();  // one step towards which items are refused
  static connection::Awaitable<void> send_lane(std::shared_ptr<Sender> self, std::size_t lane);
  connection::Awaitable<bool> send(std::size_t lane, Packet packet);  // false: the lane's next would overtake
  void renew_session(const std::vector<Row>& rows);
  void note_sent(const std::vector<Row>& rows);
  Drops drops() const;
  connection::Awaitable<connection::Result<Answer>> exchange(std::size_t lane, const Packet& packet,
                                                             const std::string& frame);
  connection::Result<Answer> redirected(const Packet& packet, const Redirect& redirect);
  void start_lane(std::size_t lane);
  connection::Awaitable<void> wait_until(connection::TimePoint when);
  void settle(const Packet& packet, const Answer& answer);
  void keep(const Packet& packet, const connection::Error& error);
  connection::Awaitable<void> failed(const Round& round);
  std::size_t wanted() const;         // values of the next round
  connection::TimePoint due() const;  // when the next round is; the far future: nothing is there
  connection::Clock::duration next_backoff();
  void note_drops();
  void settle_in();  // takes over what reconfigure() was told
  void make_exchanges();

  boost::asio::any_io_executor loop_;
  connection::Resolver& resolver_;
  config::ZabbixSettings settings_;
  config::ZabbixServer server_;
  std::size_t index_;
  std::shared_ptr<Store> store_;
  DeliveryOptions options_;
  std::string name_;
  DeliveryLog log_;
  std::array<std::shared_ptr<Exchange>, lane_count> exchanges_;
  std::string session_ = new_session();
  std::array<Lane, lane_count> lanes_;  // of the round under way
  Round round_;                         // the one under way
  int running_ = 0;                     // lanes
  connection::Bell lane_ended_;
  Owners owners_;
  std::unordered_map<std::uint64_t, Sequence> newest_sent_;  // in this session, by the hash of the host
  std::unordered_set<Sequence> uncertain_;  // sent, and the answer was lost: the server may have them
  std::optional<config::ZabbixSettings> next_settings_;
  config::ZabbixServer next_server_;
  boost::asio::steady_timer wake_;
  std::stop_source stop_;
  SilentCloseGuard guard_;
  Refusals refusals_;
  std::minstd_rand random_;
  connection::Clock::duration backoff_;
  std::size_t node_ = 0;                    // sticky: the one that answered last
  std::size_t nodes_failed_ = 0;            // in a row, since one answered
  std::optional<connection::Error> cause_;  // of these failures, the one that tells most
  std::uint64_t processed_ = 0, failed_ = 0;
  Drops drops_before_{};
  bool idle_ = false, draining_ = false, stopped_ = false;
};

}  // namespace linewatch::aggregator
