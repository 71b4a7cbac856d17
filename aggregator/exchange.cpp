#include "aggregator/exchange.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace linewatch::aggregator {

namespace asio = boost::asio;
using asio::ip::tcp;
using connection::Awaitable;
using connection::Context;
using connection::Error;
using connection::ErrorCode;
using connection::fail;
using connection::Phase;
using connection::Result;

std::string to_string(const config::Node& node) {
  const bool bare_ipv6 = node.host.find(':') != std::string::npos;
  return (bare_ipv6 ? "[" + node.host + "]" : node.host) + ":" + std::to_string(node.port);
}

Exchange::Exchange(asio::any_io_executor loop, connection::Resolver& resolver, std::string source_address,
                   std::shared_ptr<Tls> tls, ExchangeLimits limits)
    : loop_(std::move(loop)),
      resolver_(resolver),
      source_text_(std::move(source_address)),
      limits_(limits),
      tls_(std::move(tls)),
      socket_(loop_),
      timer_(loop_) {
  boost::system::error_code error;
  const auto source = asio::ip::make_address(source_text_, error);
  if (!error) source_ = source;
}

// Closed, not cancelled: a handshake is made of many steps, none of which can begin to wait on a closed
// socket.
void Exchange::arm(connection::TimePoint limit) {
  timed_out_ = false;
  timer_.expires_at(limit);
  timer_.async_wait([self = shared_from_this(), id = ++armed_](boost::system::error_code error) {
    if (error || id != self->armed_) return;
    self->timed_out_ = true;
    self->socket_.close(error);
  });
}

void Exchange::disarm() {
  ++armed_;
  timer_.cancel();
}

void Exchange::cancel() {
  cancelled_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

Error Exchange::broken(Phase phase, const std::string& doing, const boost::system::error_code& error) const {
  if (cancelled_) return {ErrorCode::cancelled, phase, doing + " was cancelled"};
  if (timed_out_) return {ErrorCode::deadline, phase, doing + " took too long"};
  const auto code = phase == Phase::tcp_connect ? ErrorCode::unreachable : ErrorCode::protocol;
  return {code, phase, doing + " failed: " + error.message()};
}

Awaitable<Result<Answer>> Exchange::run(Context ctx, const config::Node& node, const std::string& packet) {
  cancelled_ = false;
  deadline_ = ctx.within(limits_.total).deadline();
  const Context bounded = ctx.until(deadline_);
  Result<Answer> answer = co_await talk(bounded, node, packet);
  disarm();
  boost::system::error_code ignored;
  socket_.close(ignored);  // without a TLS goodbye: the answer says itself whether it is complete
  secure_.reset();
  co_return answer;
}

Awaitable<Result<Answer>> Exchange::talk(Context ctx, const config::Node& node, const std::string& packet) {
  const Result<void> connected = co_await connect(ctx, node);
  if (!connected) co_return std::unexpected(connected.error());
  const std::string name = to_string(node);
  arm(deadline_);
  const boost::system::error_code error = co_await write(packet);
  // A server that has answered "no" may close before it has read all; its answer then still lies here to be
  // read.
  const bool cut = error == asio::error::broken_pipe || error == asio::error::connection_reset;
  if (cancelled_ || timed_out_ || (error && !cut))
    co_return std::unexpected(broken(Phase::write, "sending to " + name, error));
  Result<Answer> answer = co_await read_answer(name);
  co_return answer;
}

Awaitable<boost::system::error_code> Exchange::write(const std::string& packet) {
  boost::system::error_code error;
  const auto octets = asio::buffer(packet);
  if (secure_) {
    co_await asio::async_write(*secure_, octets, asio::redirect_error(asio::use_awaitable, error));
  } else {
    co_await asio::async_write(socket_, octets, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return error;
}

Awaitable<Result<void>> Exchange::connect(Context ctx, const config::Node& node) {
  if (!source_text_.empty() && !source_)
    co_return fail(ErrorCode::unreachable, Phase::tcp_connect,
                   "source_address " + source_text_ + " is no IP address");
  const int family = !source_ ? 0 : source_->is_v4() ? 4 : 6;
  const auto addresses = co_await resolver_.resolve(ctx, node.host, family);
  if (!addresses) co_return std::unexpected(addresses.error());
  Result<void> last =
      fail(ErrorCode::resolve, Phase::resolve, node.host + " has no address of the source's family");
  for (const auto& address : *addresses) {
    if (source_ && source_->is_v4() != address.is_v4()) continue;
    if (cancelled_ || ctx.expired()) break;
    const tcp::endpoint endpoint(address, node.port);
    last = co_await connect_to(endpoint);
    if (last) co_return last;
  }
  if (cancelled_) co_return fail(ErrorCode::cancelled, Phase::tcp_connect, "connecting was cancelled");
  co_return last;
}

boost::system::error_code Exchange::bind_source() {
  boost::system::error_code error;
  const tcp::endpoint source(*source_, 0);
  socket_.open(source.protocol(), error);
  if (!error) socket_.bind(source, error);
  return error;
}

Awaitable<Result<void>> Exchange::connect_to(tcp::endpoint endpoint) {
  const std::string shown = to_string(config::Node{endpoint.address().to_string(), endpoint.port()});
  boost::system::error_code error;
  socket_.close(error);
  timed_out_ = false;
  error = source_ ? bind_source() : boost::system::error_code();
  if (error)
    co_return std::unexpected(broken(Phase::tcp_connect, "using source_address " + source_text_, error));
  arm(std::min(deadline_, connection::Clock::now() + limits_.connect));
  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  // Cancelled or timed out counts even if the connection was made at the same moment.
  if (error || cancelled_ || timed_out_)
    co_return std::unexpected(broken(Phase::tcp_connect, "connecting to " + shown, error));
  Result<void> ready;
  if (tls_) ready = co_await shake_hands(shown);
  disarm();
  co_return ready;
}

Awaitable<Result<void>> Exchange::shake_hands(std::string node) {
  const auto context = tls_->use();
  if (!context) co_return std::unexpected(context.error());
  secure_.emplace(socket_, **context);
  SSL* const session = secure_->native_handle();
  boost::system::error_code error;
  const auto as_client = asio::ssl::stream_base::client;
  co_await secure_->async_handshake(as_client, asio::redirect_error(asio::use_awaitable, error));
  if (cancelled_ || timed_out_)
    co_return std::unexpected(broken(Phase::key_exchange, "the TLS handshake with " + node, error));
  if (error) co_return std::unexpected(tls_->failure(session, node, error));
  co_return tls_->check_server(session, node);
}

Awaitable<boost::system::error_code> Exchange::read_some() {
  boost::system::error_code error;
  const auto room = asio::buffer(octets_);
  if (secure_) {
    count_ = co_await secure_->async_read_some(room, asio::redirect_error(asio::use_awaitable, error));
  } else {
    count_ = co_await socket_.async_read_some(room, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return error;
}

Error Exchange::closed_in_silence(const std::string& node) const {
  const std::string why =
      tls_ ? "too busy, or " + tls_->silence_means() : "no Zabbix trapper, TLS wanted, or too busy";
  return {ErrorCode::closed, Phase::read, node + " closed the connection without an answer (" + why + ")"};
}

Awaitable<Result<Answer>> Exchange::read_answer(const std::string& node) {
  AnswerReader reader;
  const std::string reading = "reading the answer of " + node;
  for (bool complete = false; !complete;) {
    const boost::system::error_code error = co_await read_some();
    const bool ended = error == asio::error::eof || error == asio::error::connection_reset ||
                       error == asio::ssl::error::stream_truncated;
    if (cancelled_ || timed_out_) co_return std::unexpected(broken(Phase::read, reading, error));
    // In TLS 1.3 a server that does not take the client's certificate says so only now.
    if (error && !ended && secure_)
      co_return std::unexpected(tls_->failure(secure_->native_handle(), node, error));
    if (error && !ended) co_return std::unexpected(broken(Phase::read, reading, error));
    if (error && reader.received() == 0) co_return std::unexpected(closed_in_silence(node));
    if (error)
      co_return fail(ErrorCode::protocol, Phase::read,
                     node + " closed the connection after " + reader.progress());
    const auto fed = reader.feed(std::string_view(octets_.data(), count_));
    if (!fed) co_return fail(ErrorCode::protocol, Phase::read, node + ": " + fed.error());
    complete = *fed;
  }
  const auto payload = reader.payload();
  if (!payload) co_return fail(ErrorCode::protocol, Phase::read, node + ": " + payload.error());
  auto answer = parse_answer(*payload);
  if (!answer) co_return fail(ErrorCode::protocol, Phase::read, node + ": " + answer.error());
  co_return *std::move(answer);
}

}  // namespace linewatch::aggregator
