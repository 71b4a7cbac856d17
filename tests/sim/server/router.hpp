#pragma once
// One simulated router: its listening address and its sessions. On the simulator's loop.

#include <boost/asio/io_context.hpp>
#include <expected>
#include <list>

#include "tests/sim/server/session.hpp"
#include "tests/sim/server/simulator.hpp"

namespace linewatch::sim {

class Router : public std::enable_shared_from_this<Router> {
 public:
  Router(boost::asio::io_context& loop, RouterConfig config, std::shared_ptr<Events> events);

  std::expected<void, std::string> start();
  void stop();

  const RouterInfo& info() const { return info_; }
  const RouterCounts& counts() const { return state_->counts; }

 private:
  std::expected<void, std::string> prepare_ssh();
  std::expected<void, std::string> listen();
  void accept();

  std::shared_ptr<RouterState> state_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;  // when descriptors run out
  std::vector<std::weak_ptr<Session>> sessions_;
  std::size_t prune_at_ = 64;
  RouterInfo info_;
};

}  // namespace linewatch::sim
