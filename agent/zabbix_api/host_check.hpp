#pragma once
// Whether Zabbix stores what it is sent, as its API shows it: why items are refused, once the sender has
// found out which; and hosts that store nothing though nobody says so. Owned by the agent, lives on its loop.
//
// Asking and reading the answers happens on a thread of its own, since reading the system's trust store takes
// longer than a loop may be held up. Without zabbix.api it does nothing.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "agent/plan.hpp"
#include "agent/zabbix_api/host_questions.hpp"
#include "aggregator/aggregator.hpp"
#include "connection/context.hpp"

namespace linewatch::agent {

// The hosts that values of this plan go to: the agent's own, lines', routers'. By name, each once.
std::vector<std::string> hosts_of(const Plan& plan);

class HostCheck {
 public:
  struct Pace {
    connection::Clock::duration look = std::chrono::seconds(5);    // for refused items without a reason
    connection::Clock::duration pause = std::chrono::minutes(1);   // between two questions of one kind
    connection::Clock::duration limit = std::chrono::seconds(60);  // of a question for reasons, all its calls
    connection::Clock::duration round_limit = std::chrono::minutes(10);  // of one about all hosts
  };
  struct State {
    std::optional<std::chrono::system_clock::time_point> last_success;
    std::string last_error;             // empty: the last question was answered
    std::vector<HostTrouble> troubles;  // as last answered
    std::size_t unseen = 0;             // hosts that are not there, or that the account may not read
  };

  // `aggregator` outlives it.
  HostCheck(boost::asio::any_io_executor loop, aggregator::Aggregator& aggregator,
            std::shared_ptr<spdlog::logger> log)
      : HostCheck(std::move(loop), aggregator, std::move(log), Pace()) {}
  HostCheck(boost::asio::any_io_executor loop, aggregator::Aggregator& aggregator,
            std::shared_ptr<spdlog::logger> log, Pace pace);
  ~HostCheck();  // after stop(), or once the loop has ended; waits for the thread
  HostCheck(const HostCheck&) = delete;
  HostCheck& operator=(const HostCheck&) = delete;

  // Hosts are asked about soon, and then every zabbix.api.interval, an hour at most.
  void start(const SharedPlan& plan);
  void apply(const SharedPlan& plan);
  // Returns when nothing is under way any more, or the context ended.
  connection::Awaitable<void> stop(connection::Context ctx);

  const State& state() const { return state_; }

 private:
  struct Asker;  // what is the thread's
  using Answer = connection::Result<HostAnswer>;

  void look();
  void ask(connection::TimePoint now);
  void took(const SharedPlan& plan, bool round, Answer answer);
  void take_round(HostAnswer answer);
  void say_outage(std::string error);

  boost::asio::any_io_executor loop_;
  aggregator::Aggregator& aggregator_;
  std::shared_ptr<spdlog::logger> log_;
  Pace pace_;
  SharedPlan plan_;
  State state_;
  connection::TimePoint next_round_{}, next_reasons_{};
  bool asking_ = false;
  std::stop_source stop_;
  boost::asio::steady_timer look_timer_, ended_;
  std::shared_ptr<bool> alive_;  // what the thread still posts to the loop finds out that nobody listens
  std::unique_ptr<Asker> asker_;
};

}  // namespace linewatch::agent
