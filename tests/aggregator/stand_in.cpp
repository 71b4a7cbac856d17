#include "tests/aggregator/stand_in.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "aggregator/protocol.hpp"

namespace linewatch::aggregator::test {

namespace asio = boost::asio;
using asio::ip::tcp;
using connection::Awaitable;

StandIn::StandIn(asio::io_context& loop)
    : loop_(loop), acceptor_(loop, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)) {
  port_ = acceptor_.local_endpoint().port();
}

void StandIn::start() {
  asio::co_spawn(loop_, accept(shared_from_this()), asio::detached);
}

void StandIn::stop() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const auto& peer : peers_)
    if (const auto socket = peer.lock()) socket->close(ignored);
}

Awaitable<void> StandIn::accept(std::shared_ptr<StandIn> self) {
  for (;;) {
    boost::system::error_code error;
    const auto peer = std::make_shared<tcp::socket>(self->loop_);
    co_await self->acceptor_.async_accept(*peer, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    ++self->connections;
    self->last_peer = peer->remote_endpoint(error).address().to_string();
    self->peers_.push_back(peer);
    Behaviour behaviour = self->otherwise;
    if (!self->script.empty()) {
      behaviour = self->script.front();
      self->script.pop_front();
    }
    asio::co_spawn(self->loop_, serve(self, peer, behaviour), asio::detached);
  }
}

Awaitable<void> StandIn::serve(std::shared_ptr<StandIn> self, std::shared_ptr<tcp::socket> peer,
                               Behaviour behaviour) {
  if (behaviour == Behaviour::close_at_once) co_return;
  boost::system::error_code error;
  if (behaviour == Behaviour::silent) {
    co_await peer->async_wait(tcp::socket::wait_error, asio::redirect_error(asio::use_awaitable, error));
    co_return;
  }
  if (behaviour == Behaviour::speaks_first) {
    const auto greeting = asio::buffer(std::string_view("220 mail.example.net ready\r\n"));
    co_await asio::async_write(*peer, greeting, asio::redirect_error(asio::use_awaitable, error));
  }
  if (!self->tls) {
    co_await talk(self, *peer, behaviour);
    co_return;
  }
  asio::ssl::stream<tcp::socket&> secure(*peer, *self->tls);
  const auto as_server = asio::ssl::stream_base::server;
  co_await secure.async_handshake(as_server, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  SSL* const session = secure.native_handle();
  self->last_tls = std::string(SSL_get_version(session)) + " " + SSL_get_cipher_name(session);
  co_await talk(self, secure, behaviour);
}

template <class Stream>
Awaitable<void> StandIn::talk(std::shared_ptr<StandIn> self, Stream& stream, Behaviour behaviour) {
  AnswerReader reader;  // requests and answers have the same frame
  std::array<char, 4096> octets{};
  const auto room = asio::buffer(octets);
  unsigned char flags = 0;
  boost::system::error_code error;
  for (bool complete = false; !complete;) {
    const std::size_t count =
        co_await stream.async_read_some(room, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    if (reader.received() == 0 && count > 4) flags = static_cast<unsigned char>(octets[4]);
    const auto fed = reader.feed({octets.data(), count});
    if (!fed) co_return;  // as Zabbix does
    complete = *fed;
  }
  const auto request = nlohmann::json::parse(reader.payload().value());
  self->requests.push_back(request);
  if (behaviour == Behaviour::close_silently || (self->poison && self->poison(request))) co_return;
  if (behaviour == Behaviour::stall) {
    co_await stream.async_read_some(room, asio::redirect_error(asio::use_awaitable, error));
    co_return;
  }
  asio::steady_timer soon(self->loop_);
  while (self->requests.size() < self->together && self->acceptor_.is_open()) {
    soon.expires_after(std::chrono::milliseconds(1));
    co_await soon.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
  const std::string text = self->answer(behaviour, request, flags);
  const auto out = asio::buffer(text);
  co_await asio::async_write(stream, out, asio::redirect_error(asio::use_awaitable, error));
}

std::string StandIn::answer(Behaviour behaviour, const nlohmann::json& request, unsigned char flags) {
  const FrameFlags same{.compressed = (flags & 2) != 0, .large = (flags & 4) != 0};
  if (const auto other = reply ? reply(request) : std::nullopt) return make_frame(other->dump(), same);
  const std::size_t total = request["data"].size();
  const std::size_t failed = behaviour == Behaviour::refuse_one ? 1 : 0;
  const nlohmann::json good = {
      {"response", "success"},
      {"info", "processed: " + std::to_string(total - failed) + "; failed: " + std::to_string(failed) +
                   "; total: " + std::to_string(total) + "; seconds spent: 0.000117"}};
  std::string frame = make_frame(good.dump(), same);
  switch (behaviour) {
    case Behaviour::failed:
      return make_frame(R"({"response":"failed","info":"no room"})", same);
    case Behaviour::half_header:
      return frame.substr(0, 7);
    case Behaviour::half_answer:
      return frame.substr(0, frame.size() - 5);
    case Behaviour::wrong_flags:
      frame[4] = 9;
      return frame;
    case Behaviour::not_zabbix:
      return "HTTP/1.1 400 Bad Request\r\n\r\n";
    case Behaviour::bad_json:
      return make_frame("{\"response\":", same);
    default:
      break;
  }
  for (const auto& value : request["data"]) {
    accepted.push_back(value);
    accepted.back().erase("id");
  }
  return frame;
}

std::uint16_t closed_port(asio::io_context& loop) {
  tcp::acceptor acceptor(loop, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  return acceptor.local_endpoint().port();
}

}  // namespace linewatch::aggregator::test
