#pragma once
// Keeps the agent on the latest configuration: reads it again when somebody asks or one of its files changes,
// checks it, and has the difference applied. A configuration with errors changes nothing and is said once.
// Reading and comparing are done in the background, one at a time. Owned by the agent, lives on its loop.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "agent/background.hpp"
#include "agent/file_watch.hpp"
#include "agent/plan.hpp"
#include "config/loader.hpp"
#include "connection/bell.hpp"

namespace linewatch::agent {

class Reloader {
 public:
  struct Outcome {
    config::Problems errors;  // empty: it was taken over, or would be
    std::vector<config::Change> changes;
  };
  // What is known of the last reload, for status.
  struct State {
    std::chrono::system_clock::time_point loaded;                 // when the present plan was read
    std::optional<std::chrono::system_clock::time_point> failed;  // since when the files have errors
    std::string problem;                                          // the first of them
    std::size_t hosts_left_out = 0;                               // of the Zabbix API
    std::vector<std::string> after_restart;  // settings that were changed and are not at work yet
  };
  // Does what the steps say; the plans are the same as before and after.
  using Apply =
      std::function<connection::Awaitable<void>(SharedPlan before, SharedPlan after, const PlanSteps&)>;

  // What the agent begins with.
  struct First {
    std::filesystem::path file;  // the main one
    config::Loader loader;
    SharedPlan plan;  // of the files, as `loader` has read them, and of `hosts`
    config::Sources sources;
    config::Problems warnings;  // were said
    ApiHosts hosts;             // null: none
    ApiRemarks remarks;         // of the hosts
  };

  // `background` ends before the loop goes.
  Reloader(boost::asio::any_io_executor loop, const Background& background, First first, Apply apply,
           std::shared_ptr<spdlog::logger> log);

  void start();                   // and watches the files from now on
  void request(std::string why);  // reads all again, soon
  void set_hosts(ApiPlan hosts);  // of the Zabbix API, from now on; and so a reload
  const ApiHosts& hosts() const { return hosts_; }
  // Asks for a reading that begins from now on. Without `take` it changes nothing.
  struct Ticket {
    bool take = false;
    std::uint64_t number = 0;
  };
  Ticket ask(bool take);
  // Its outcome; nothing if the context ended before, or the agent stops.
  connection::Awaitable<std::optional<Outcome>> outcome(connection::Context ctx, Ticket ticket);
  // Begins no more and lets a reading go on alone; returns when what is being applied has been.
  connection::Awaitable<void> stop();

  const SharedPlan& plan() const { return plan_; }
  const State& state() const { return state_; }
  bool stopping() const { return stopping_; }

 private:
  struct Reading;  // one time that all is read
  struct Wish {
    std::uint64_t asked = 0, served = 0;  // counts
    Outcome outcome;                      // of the last one served
  };

  connection::Awaitable<void> run();
  connection::Awaitable<std::shared_ptr<Reading>> read();  // null: the agent stops
  connection::Awaitable<void> take(std::shared_ptr<Reading> reading);
  void watch(const config::Sources& sources);
  void say_errors(const config::Problems& errors);
  void say_changes(const std::vector<config::Change>& changes);
  void say_warnings(const config::Problems& problems);
  void say_remarks(const ApiRemarks& remarks);
  void note_after_restart();
  bool wanted() const { return look_.asked > look_.served || take_.asked > take_.served; }

  boost::asio::any_io_executor loop_;
  std::shared_ptr<Background::Queue> background_;
  std::shared_ptr<config::Loader> loader_;  // used in the background only
  std::string file_;
  SharedPlan plan_;
  config::Sources sources_;
  Apply apply_;
  std::shared_ptr<spdlog::logger> log_;
  FileWatch files_;
  connection::Bell changed_;
  Wish look_, take_;
  std::string why_;  // of the next reading; empty: a file has changed
  ApiHosts hosts_;
  ApiRemarks remarks_;  // last said
  ApiRemarks first_remarks_;
  config::Settings started_;  // agent and log as the agent began with them; nothing else
  config::Problems said_;     // the errors and warnings last said
  State state_;
  bool running_ = false, stopping_ = false;
};

}  // namespace linewatch::agent
