#pragma once
// A trapper on one loopback address: takes one request per connection, answers it or misbehaves as told, and
// hands on what it took. Lives on one event loop and thread; must outlive its loop's run.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/trapper/request.hpp"

namespace linewatch::trapper {

struct Fault {
  enum class Kind { none, stall, refuse, cut, lose_answer, half_answer, wrong_flags, failed };
  Kind kind = Kind::none;
  int failed = 0;  // of Kind::failed: so many values of each packet
  int after = 0;   // this many connections go well first
  int count = 0;   // then so many fail; 0 = all
};

// "stall", "lose-answer", "failed=3"; the error says what there is.
std::expected<Fault, std::string> parse_fault(const std::string& text);

struct TrapperOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  std::vector<std::string> deny;
  bool unseen = false;  // as Rules::unseen
  Fault fault;
  std::chrono::seconds timeout{60};  // of one connection; a stalled one too
};

struct Totals {
  std::uint64_t connections = 0;
  std::uint64_t packets = 0;  // requests with values, understood
  std::uint64_t processed = 0;
  std::uint64_t failed = 0;
  std::uint64_t bad_frames = 0;  // and requests that make no sense
  std::uint64_t faults = 0;      // connections that were treated badly on purpose
  std::uint64_t octets = 0;      // received
};

class TrapperConnection;

class Trapper {
 public:
  using PacketSink = std::function<void(const std::vector<Value>& processed, std::size_t failed)>;
  using ProblemSink = std::function<void(const std::string& problem)>;

  Trapper(boost::asio::io_context& loop, TrapperOptions options, PacketSink packets = {},
          ProblemSink problems = {});
  ~Trapper();
  Trapper(const Trapper&) = delete;
  Trapper& operator=(const Trapper&) = delete;

  std::expected<std::uint16_t, std::string> start();  // the port
  void stop();                                        // cuts what is open; on the loop's thread
  void set_fault(Fault fault);                        // counted from now on; on the loop's thread

  const Totals& totals() const { return totals_; }

 private:
  friend class TrapperConnection;
  void accept();
  Fault next_fault();

  TrapperOptions options_;
  PacketSink packets_;
  ProblemSink problems_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::weak_ptr<TrapperConnection>> connections_;
  std::uint64_t fault_turn_ = 0;
  Totals totals_;
};

}  // namespace linewatch::trapper
