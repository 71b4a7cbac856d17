#pragma once
// A trapper on loopback, in the test's own loop, with or without TLS: takes requests, remembers their values
// and behaves as told.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "connection/session.hpp"

namespace linewatch::aggregator::test {

enum class Behaviour {
  ok,
  refuse_one,      // "success", and one value failed
  failed,          // "failed"
  close_at_once,   // reads nothing
  silent,          // says nothing, not even in a TLS handshake
  speaks_first,    // and not in TLS
  close_silently,  // reads the request
  half_header,
  half_answer,
  wrong_flags,
  not_zabbix,
  bad_json,
  stall,  // reads the request and waits for the client to go
};

class StandIn : public std::enable_shared_from_this<StandIn> {
 public:
  explicit StandIn(boost::asio::io_context& loop);
  void start();  // accepts until stop()
  void stop();   // nothing listens any more; stalled connections end
  config::Node node() const { return {"127.0.0.1", port_}; }

  std::deque<Behaviour> script;  // one for each connection; when empty: `otherwise`
  Behaviour otherwise = Behaviour::ok;
  std::function<bool(const nlohmann::json&)> poison;  // requests that are closed upon
  std::shared_ptr<boost::asio::ssl::context> tls;     // null: in the clear

  // What is answered instead; nothing: as usual.
  std::function<std::optional<nlohmann::json>(const nlohmann::json& request)> reply;
  std::size_t together = 0;  // no answer before so many requests were read

  std::vector<nlohmann::json> requests;  // all that were read
  std::vector<nlohmann::json>
      accepted;  // the values of those that were answered with success, in order, without ids
  int connections = 0;
  std::string last_peer;  // address
  std::string last_tls;   // version and cipher suite

 private:
  static connection::Awaitable<void> accept(std::shared_ptr<StandIn> self);
  static connection::Awaitable<void> serve(std::shared_ptr<StandIn> self,
                                           std::shared_ptr<boost::asio::ip::tcp::socket> peer,
                                           Behaviour behaviour);
  template <class Stream>
  static connection::Awaitable<void> talk(std::shared_ptr<StandIn> self, Stream& stream, Behaviour behaviour);
  std::string answer(Behaviour behaviour, const nlohmann::json& request, unsigned char flags);

  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::vector<std::weak_ptr<boost::asio::ip::tcp::socket>> peers_;
};

// A port on loopback where nothing listens.
std::uint16_t closed_port(boost::asio::io_context& loop);

}  // namespace linewatch::aggregator::test
