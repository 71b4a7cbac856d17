#include "tests/sim/trapper/server.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "tests/sim/trapper/frame.hpp"

namespace linewatch::trapper {

using boost::asio::ip::tcp;
using boost::system::error_code;

// One connection: a request, an answer, the end. Kept alive by its pending handlers.
class TrapperConnection : public std::enable_shared_from_this<TrapperConnection> {
 public:
  TrapperConnection(Trapper& trapper, tcp::socket socket, Fault fault)
      : trapper_(trapper), socket_(std::move(socket)), timer_(socket_.get_executor()), fault_(fault) {}

  void start() {
    if (fault_.kind == Fault::Kind::refuse) return reset();
    const auto self = shared_from_this();
    timer_.expires_after(trapper_.options_.timeout);
    timer_.async_wait([self](error_code error) {
      if (!error) self->close();
    });
    read();
  }

  void close() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
    timer_.cancel();
  }

 private:
  void read() {
    const auto self = shared_from_this();
    socket_.async_read_some(boost::asio::buffer(buffer_), [self](error_code error, std::size_t count) {
      if (error) return self->close();
      self->trapper_.totals_.octets += count;
      self->received(std::string_view(self->buffer_.data(), count));
    });
  }

  void received(std::string_view octets) {
    if (fault_.kind == Fault::Kind::cut) return reset();
    if (done_) return read();  // nothing after the request is read in earnest; only the peer's end is awaited
    switch (frame_.feed(octets)) {
      case FrameReader::State::more:
        return read();
      case FrameReader::State::bad:
        ++trapper_.totals_.bad_frames;
        problem(frame_.error());
        return close();
      case FrameReader::State::complete:
        return answer();
    }
  }

  void answer() {
    done_ = true;
    if (fault_.kind == Fault::Kind::stall) return read();
    Rules rules{trapper_.options_.deny, fault_.kind == Fault::Kind::failed ? fault_.failed : 0,
                trapper_.options_.unseen};
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    Outcome outcome = handle_request(frame_.payload(), rules,
                                     std::chrono::duration_cast<std::chrono::seconds>(now).count());
    if (outcome.problem.empty()) {
      ++trapper_.totals_.packets;
      trapper_.totals_.processed += outcome.processed.size() + outcome.unseen;
      trapper_.totals_.failed += outcome.failed;
      if (trapper_.packets_) trapper_.packets_(outcome.processed, outcome.failed);
    } else {
      ++trapper_.totals_.bad_frames;
      problem(outcome.problem);
    }
    if (!outcome.answer || fault_.kind == Fault::Kind::lose_answer) return close();
    send(*outcome.answer);
  }

  void send(const std::string& answer) {
    std::uint8_t flags = frame_.flags();
    if (fault_.kind == Fault::Kind::wrong_flags) flags ^= flag_compressed;
    reply_ = make_frame(answer, flags);
    if (fault_.kind == Fault::Kind::half_answer) reply_.resize(reply_.size() / 2);
    const auto self = shared_from_this();
    boost::asio::async_write(socket_, boost::asio::buffer(reply_),
                             [self](error_code, std::size_t) { self->close(); });
  }

  // Without a goodbye: the client sees a reset.
  void reset() {
    error_code ignored;
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
    timer_.cancel();
  }

  void problem(const std::string& what) const {
    if (trapper_.problems_) trapper_.problems_(what);
  }

  Trapper& trapper_;
  tcp::socket socket_;
  boost::asio::steady_timer timer_;
  Fault fault_;
  FrameReader frame_;
  bool done_ = false;
  std::array<char, 16384> buffer_{};
  std::string reply_;
};

std::expected<Fault, std::string> parse_fault(const std::string& text) {
  using Kind = Fault::Kind;
  Fault fault;
  const std::string name = text.substr(0, text.find('='));
  if (name == "stall") fault.kind = Kind::stall;
  if (name == "refuse") fault.kind = Kind::refuse;
  if (name == "cut") fault.kind = Kind::cut;
  if (name == "lose-answer") fault.kind = Kind::lose_answer;
  if (name == "half-answer") fault.kind = Kind::half_answer;
  if (name == "wrong-flags") fault.kind = Kind::wrong_flags;
  if (name == "failed" && text.size() > 7) {
    const auto [end, error] = std::from_chars(text.data() + 7, text.data() + text.size(), fault.failed);
    if (error == std::errc() && end == text.data() + text.size() && fault.failed > 0)
      fault.kind = Kind::failed;
  }
  const bool plain = text.find('=') == std::string::npos;
  if (fault.kind == Kind::none || (fault.kind != Kind::failed && !plain)) {
    return std::unexpected(
        "fault " + text +
        " is not one of stall, refuse, cut, lose-answer, half-answer, wrong-flags, failed=N");
  }
  return fault;
}

Trapper::Trapper(boost::asio::io_context& loop, TrapperOptions options, PacketSink packets,
                 ProblemSink problems)
    : options_(std::move(options)),
      packets_(std::move(packets)),
      problems_(std::move(problems)),
      acceptor_(loop) {}

Trapper::~Trapper() = default;

std::expected<std::uint16_t, std::string> Trapper::start() {
  error_code error;
  const auto address = boost::asio::ip::make_address(options_.address, error);
  if (error || !address.is_loopback())
    return std::unexpected("address " + options_.address + " is not a loopback address");
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return std::unexpected("cannot listen on " + options_.address + ": " + error.message());
  accept();
  return acceptor_.local_endpoint().port();
}

void Trapper::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error == boost::asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (!error) {
      ++totals_.connections;
      std::erase_if(connections_, [](const auto& connection) { return connection.expired(); });
      auto connection = std::make_shared<TrapperConnection>(*this, std::move(socket), next_fault());
      connections_.push_back(connection);
      connection->start();
    }
    accept();
  });
}

Fault Trapper::next_fault() {
  const Fault& fault = options_.fault;
  const auto turn = fault_turn_++;
  const auto after = static_cast<std::uint64_t>(fault.after);
  const bool over = fault.count > 0 && turn >= after + static_cast<std::uint64_t>(fault.count);
  if (fault.kind == Fault::Kind::none || turn < after || over) return {};
  ++totals_.faults;
  return fault;
}

void Trapper::set_fault(Fault fault) {
  options_.fault = fault;
  fault_turn_ = 0;
}

void Trapper::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->close();
  }
}

}  // namespace linewatch::trapper
