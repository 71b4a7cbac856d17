#pragma once
// Simulated routers on loopback addresses, all on one event loop and one thread. The programme and the tests
// both use this; it lives until its loop has run dry after stop().

#include <boost/asio/io_context.hpp>
#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/server/events.hpp"
#include "tests/sim/server/host_key.hpp"

namespace linewatch::sim {

class Router;

// What a client has to know of a router.
struct RouterInfo {
  std::string name;
  std::string platform;
  std::string address;
  std::uint16_t port = 0;
  PublicKeyText host_key;
  std::string known_hosts() const;  // a line of that file
};

class Simulator {
 public:
  Simulator(boost::asio::io_context& loop, SimulatorConfig config, Events::Sink sink = {});
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  std::expected<void, std::string> start();  // listens on all addresses, or says what fails
  void stop();                               // cuts every session; on the loop's thread

  std::vector<RouterInfo> routers() const;
  const RouterCounts& counts(const std::string& router) const;  // of a router that exists
  std::string ready_line() const;
  void emit_totals();  // one event "totals" per router

 private:
  boost::asio::io_context& loop_;
  SimulatorConfig config_;
  std::shared_ptr<Events> events_;
  std::vector<std::shared_ptr<Router>> routers_;
};

}  // namespace linewatch::sim
