#pragma once
// The agent's own parts on one loop of one thread, without an agent: resolver, host keys, a session factory
// for each simulated router, pools over them. Everything here runs on the caller's thread.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connection/pool/pool.hpp"
#include "connection/resolver.hpp"
#include "connection/session.hpp"
#include "connection/ssh/hang_ups.hpp"
#include "connection/ssh/host_keys.hpp"

namespace linewatch::bench {

// Where the simulated router of a figure listens, and what all of them let in.
struct Server {
  std::string address;
  std::uint16_t port = 0;
};
inline constexpr const char* user = "netmon";
inline constexpr const char* password = "bench";
inline constexpr const char* ping = "ping 198.51.100.2 repeat 5 timeout 2";

Server parse_server(const std::string& text);  // "127.0.0.1:2222"

class Lab {
 public:
  explicit Lab(Server server);

  boost::asio::io_context& loop() { return loop_; }
  const Server& server() const { return server_; }
  std::unique_ptr<connection::SessionFactory> factory(const std::string& router);
  std::shared_ptr<connection::Pool> pool(const std::string& router, connection::PoolPolicy policy);
  std::shared_ptr<connection::Pool> pool(const std::string& router, connection::PoolPolicy policy,
                                         std::unique_ptr<connection::SessionFactory> factory);

  // Starts a coroutine; run() returns when all that were started have ended.
  void start(connection::Awaitable<void> task);
  void run();

 private:
  Server server_;
  boost::asio::io_context loop_{1};
  connection::Resolver resolver_;
  connection::HostKeys host_keys_;
  std::shared_ptr<connection::HangUps> hang_ups_;
  std::shared_ptr<const config::Platform> platform_;
  std::shared_ptr<spdlog::logger> log_;
  int running_ = 0;
};

// Routers with a pool of one held session each.
class Fleet {
 public:
  Fleet(Lab& lab, int routers);
  ~Fleet();  // logs out
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Logs all in, so many at once at most: a listening queue is finite.
  void open(int at_once);
  // So many commands on each, one after another; all routers at once.
  void type(int commands);

 private:
  connection::Awaitable<void> open_some();
  connection::Awaitable<void> type_on(connection::Pool& pool, int commands);

  Lab& lab_;
  std::vector<std::shared_ptr<connection::Pool>> pools_;
  std::size_t opened_ = 0;
};

}  // namespace linewatch::bench
