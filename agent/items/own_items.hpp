#pragma once
// Sends the agent's own values every 30 s, and those of each router's Zabbix host when they change and every
// few minutes. Owned by the agent, lives on its loop.
//
// Hosts are looked at in turn, so that 5,000 routers that change at once are 5,000 values over some seconds.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/fleet.hpp"
#include "agent/items/figures.hpp"
#include "agent/plan.hpp"
#include "aggregator/aggregator.hpp"

namespace linewatch::agent {

class OwnItems {
 public:
  struct Pace {
    connection::Clock::duration agent = std::chrono::seconds(30);
    connection::Clock::duration look = std::chrono::seconds(5);  // once at each host
    connection::Clock::duration refresh = std::chrono::minutes(5);
    connection::Clock::duration error = std::chrono::minutes(1);  // at least between two other causes
  };

  // `fleet` and `aggregator` outlive it.
  OwnItems(boost::asio::any_io_executor loop, const Fleet& fleet, aggregator::Aggregator& aggregator)
      : OwnItems(std::move(loop), fleet, aggregator, Pace()) {}
  OwnItems(boost::asio::any_io_executor loop, const Fleet& fleet, aggregator::Aggregator& aggregator,
           Pace pace);

  void start(const SharedPlan& plan);
  void apply(const SharedPlan& plan);
  void stop();

 private:
  struct Host {
    std::string name;
    std::vector<std::string> routers;
    std::optional<RouterStatus> status;  // as last said
    std::string error;
    connection::Histogram logins;
    connection::TimePoint said{};
  };

  void say_agent();
  void look_at_some();
  void look_at(Host& host, connection::TimePoint now);

  const Fleet& fleet_;
  aggregator::Aggregator& aggregator_;
  Pace pace_;
  std::string agent_name_;
  std::size_t lines_ = 0;
  connection::Histogram lateness_;  // as last said
  std::vector<Host> hosts_;         // by name
  std::size_t next_ = 0;            // to be looked at
  boost::asio::steady_timer agent_timer_, look_timer_;
};

}  // namespace linewatch::agent
