#pragma once
// Tells Zabbix of the lines (low-level discovery): at the start, when the plan changes, and at least hourly;
// and knows which lines it was told of only now, so that their first values wait until it has made the items.
// Owned by the agent, lives on its loop.
//
// The values are made in the background, some hosts at a time, and submitted a few milliseconds at a time.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <spdlog/logger.h>

#include "agent/background.hpp"
#include "agent/items/known_lines.hpp"
#include "agent/plan.hpp"
#include "agent/slices.hpp"
#include "aggregator/aggregator.hpp"
#include "connection/bell.hpp"

namespace linewatch::agent {

class Discovery {
 public:
  using WallTime = std::chrono::system_clock::time_point;

  // `aggregator` outlives it, `background` ends before the loop goes. A host is told again after `repeat` at
  // the latest.
  Discovery(boost::asio::any_io_executor loop, const Background& background,
            aggregator::Aggregator& aggregator, const std::filesystem::path& state_dir,
            std::shared_ptr<spdlog::logger> log, connection::Clock::duration repeat = std::chrono::hours(1));

  // Reads what was known, and so before the loop runs. Lines that went while no agent ran get their last
  // value.
  void start(const SharedPlan& plan);
  // After the fleet has taken `after` over, and the lines that went have their last value.
  void apply(const SharedPlan& before, const SharedPlan& after, const PlanSteps& steps);
  // Tells nothing any more; what is known is on its way to the disk.
  connection::Awaitable<void> stop();

  // Until when values of the line on that host are to be held back; the epoch: they are not.
  WallTime hold(const std::string& line, const std::string& host, bool own_host);

 private:
  struct Told {  // a host
    connection::TimePoint due;
    bool news = false;  // not only said once more
  };
  struct Held {  // the same moment; the wall's clock may jump
    connection::TimePoint until;
    WallTime wall;
  };
  struct Batch;  // some hosts and their values

  void take_over(KnownLines lines);
  connection::Awaitable<void> run();
  std::shared_ptr<Batch> next_batch(connection::TimePoint now);
  connection::Awaitable<void> fill(std::shared_ptr<Batch> batch);
  connection::Awaitable<void> submit(std::shared_ptr<Batch> batch);
  void submit(const std::string& host, std::string text);
  void learn(const config::Line& line);
  void forget(const std::string& line, const std::string& host);
  void hold_from(const std::string& line, connection::Clock::duration length);
  void put(const std::string& host, connection::TimePoint due, bool news);
  void drop(const std::string& host);
  bool somebody_listens() const;

  boost::asio::any_io_executor loop_;
  std::shared_ptr<Background::Queue> background_;
  aggregator::Aggregator& aggregator_;
  std::filesystem::path state_dir_;
  connection::Clock::duration repeat_;
  std::shared_ptr<spdlog::logger> log_;
  SharedPlan plan_;
  std::unordered_map<std::string, Told> hosts_;
  std::set<std::pair<connection::TimePoint, std::string>> due_;  // the same by time
  KnownLines known_;
  KnownLinesFile file_;
  std::unordered_map<std::string, Held> held_;  // known, but not yet for discovery_hold
  std::minstd_rand random_{std::random_device{}()};
  connection::Bell changed_;
  bool running_ = false, stopping_ = false;
};

}  // namespace linewatch::agent
