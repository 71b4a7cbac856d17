#pragma once
// Lines from the Zabbix API, for the agent. How it is used:
//
//   ApiStart first = start_with_api(api, state_dir, log);  // waits, so before the loop runs
//   ... add_api_lines(settings, first.plan) ...          // see plan.hpp of the agent
//   ZabbixApiSource source(loop, api, state_dir, log);
//   source.start(std::move(first), [](std::vector<config::ApiHost> hosts) { ... as a reload ... });
//   ... co_await source.stop(ctx);
//
// where `api` is settings.zabbix.api.
//
// A change in the files converts the hosts of the last plan anew: whoever calls api_lines keeps them. When
// settings.zabbix.api itself has changed, the source is stopped and another one made.
//
// Asking, reading the answers and writing the plan to the disk happen on a thread of its own, since a plan of
// many thousand hosts takes longer to read than a loop may be held up. All else is on `loop`.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <spdlog/logger.h>

#include "agent/zabbix_api/plan.hpp"
#include "config/settings.hpp"
#include "connection/context.hpp"
#include "connection/session.hpp"

namespace linewatch::agent {

struct ApiLimits {
  connection::Clock::duration fetch = std::chrono::seconds(60);  // all calls of one fetch together
  connection::Clock::duration retry_first =
      std::chrono::seconds(10);  // after a failure; doubles up to interval
};

// What to measure until the first change.
struct ApiStart {
  ApiPlan plan;          // its hosts are for config::api_lines
  bool asked = true;     // false: not at all yet; the source then asks at once
  bool fetched = false;  // the API gave it just now; else it is the one kept on the disk, or empty
  bool refused = false;  // it gave another one, which would lose too many lines
  std::string error;     // why it was not fetched, or refused
};

// Asks once, for at most `limit`, and waits for it: before the loop runs. What goes wrong is logged.
ApiStart start_with_api(const config::ApiSettings& settings, const std::filesystem::path& state_dir,
                        std::shared_ptr<spdlog::logger> log,
                        connection::Clock::duration limit = std::chrono::seconds(10));

struct ApiState {
  std::optional<std::chrono::system_clock::time_point> last_success;  // the plan was confirmed or changed
  std::string last_error;                                             // empty: the last fetch was a success
  std::size_t hosts = 0;                                              // of the plan that is in force
};

class ZabbixApiSource {
 public:
  using OnPlan = std::function<void(std::vector<config::ApiHost>)>;

  ZabbixApiSource(boost::asio::any_io_executor loop, config::ApiSettings settings,
                  std::filesystem::path state_dir, std::shared_ptr<spdlog::logger> log,
                  ApiLimits limits = {});
  ~ZabbixApiSource();  // after stop(), or once the loop has ended; waits for the thread
  ZabbixApiSource(const ZabbixApiSource&) = delete;
  ZabbixApiSource& operator=(const ZabbixApiSource&) = delete;

  // Every settings.interval (+-10 %) from now on; sooner after a failure, unless the account was not let in,
  // and when `first` was not fetched.
  // `changed` is called on the loop whenever a plan that differs from the last one was taken; it is on the
  // disk by then, if that could be written. A failure that lasts is logged when it begins and when it ends.
  void start(ApiStart first, OnPlan changed);

  // Returns when nothing is under way any more, or the context ended. `changed` is not called after it.
  connection::Awaitable<void> stop(connection::Context ctx);

  const ApiState& state() const { return state_; }

 private:
  struct Asker;  // what is the thread's
  void took(ApiState state, std::optional<std::vector<config::ApiHost>> hosts);

  boost::asio::any_io_executor loop_;
  ApiState state_;
  OnPlan changed_;
  std::stop_source stop_;
  std::shared_ptr<bool> alive_;      // what the thread still posts to the loop finds out that nobody listens
  boost::asio::steady_timer ended_;  // runs off when the thread's work has ended
  bool has_ended_ = false;
  std::unique_ptr<Asker> asker_;
  std::thread thread_;
};

}  // namespace linewatch::agent
