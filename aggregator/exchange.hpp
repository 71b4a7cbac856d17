#pragma once
// One request and its answer over one TCP connection, with or without TLS: a trapper closes after each
// answer, so there is nothing to keep. Owned by a sender, on its loop; one exchange at a time.

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "aggregator/protocol.hpp"
#include "aggregator/tls.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"
#include "connection/error.hpp"
#include "connection/resolver.hpp"

namespace linewatch::aggregator {

struct ExchangeLimits {
  connection::Clock::duration connect = std::chrono::seconds(5);  // each address of a node: TCP and TLS
  connection::Clock::duration total = std::chrono::seconds(30);   // resolving to the answer's last octet
};

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  // `tls` null: in the clear.
  Exchange(boost::asio::any_io_executor loop, connection::Resolver& resolver, std::string source_address,
           std::shared_ptr<Tls> tls, ExchangeLimits limits);

  // `node` and `packet` outlive the call. ErrorCode::closed: it connected, took octets, and closed without
  // giving one.
  connection::Awaitable<connection::Result<Answer>> run(connection::Context ctx, const config::Node& node,
                                                        const std::string& packet);
  void cancel();  // ends a run at once, with ErrorCode::cancelled

 private:
  connection::Awaitable<connection::Result<Answer>> talk(connection::Context ctx, const config::Node& node,
                                                         const std::string& packet);
  connection::Awaitable<connection::Result<void>> connect(connection::Context ctx, const config::Node& node);
  connection::Awaitable<connection::Result<void>> connect_to(boost::asio::ip::tcp::endpoint endpoint);
  connection::Awaitable<connection::Result<void>> shake_hands(std::string node);
  connection::Awaitable<boost::system::error_code> write(const std::string& packet);
  connection::Awaitable<connection::Result<Answer>> read_answer(const std::string& node);
  connection::Awaitable<boost::system::error_code> read_some();
  boost::system::error_code bind_source();
  void arm(connection::TimePoint limit);  // the socket is closed then
  void disarm();
  connection::Error broken(connection::Phase phase, const std::string& doing,
                           const boost::system::error_code& error) const;
  connection::Error closed_in_silence(const std::string& node) const;

  boost::asio::any_io_executor loop_;
  connection::Resolver& resolver_;
  std::string source_text_;
  std::optional<boost::asio::ip::address> source_;
  ExchangeLimits limits_;
  std::shared_ptr<Tls> tls_;
  boost::asio::ip::tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> secure_;  // if tls_, once connected
  std::array<char, 4096> octets_;                                                  // the last read_some()'s
  std::size_t count_ = 0;
  boost::asio::steady_timer timer_;
  unsigned armed_ = 0;  // a timer that ran off for an earlier limit is not this one's
  bool timed_out_ = false, cancelled_ = false;
  connection::TimePoint deadline_;
};

// "10.0.0.5:10051", "[2001:db8::1]:10051"
std::string to_string(const config::Node& node);

}  // namespace linewatch::aggregator
