// `linewatch run`: loads the configuration, takes the state directory and runs the agent until it has
// stopped.

#include <boost/asio/io_context.hpp>
#include <cstdio>

#include "agent/agent.hpp"
#include "agent/commands.hpp"
#include "agent/log.hpp"
#include "agent/state_lock.hpp"

namespace linewatch::agent {

namespace asio = boost::asio;

int run_agent(const Options& options) {
  config::Loader loader(options.config_file);
  config::Loaded loaded = loader.load();
  if (!loaded.ok()) {
    for (const auto& problem : loaded.problems) std::fprintf(stderr, "%s\n", problem.format().c_str());
    std::fprintf(stderr, "linewatch: the configuration has errors; the agent does not start\n");
    return exit_bad_configuration;
  }
  auto log = make_logger(loaded.settings.log);
  for (const auto& problem : loaded.problems) log->warn("{}", problem.format());

  const auto lock = StateLock::take(loaded.settings.agent.state_dir);
  if (!lock) {
    log->error("{}", lock.error());
    return exit_not_done;
  }
  asio::io_context loop(1);
  const Background background;  // ends before the loop: what it has done is told there
  config::Settings& settings = loaded.settings;
  ApiStart api;
  Reloader::First first{options.config_file,        std::move(loader), nullptr, std::move(loaded.sources),
                        std::move(loaded.problems), nullptr,           {}};
  if (settings.zabbix.api) {
    api = start_with_api(*settings.zabbix.api, settings.agent.state_dir, log);
    first.hosts = std::make_shared<const ApiPlan>(api.plan);
    first.remarks = add_api_lines(settings, first.hosts);
  }
  first.plan = make_plan(std::move(settings), background.queue());
  auto routers = Routers::open(loop.get_executor(), settings_of(first.plan), log, Routers::Owner::agent);
  if (!routers) {
    log->error("{}", routers.error().text);
    return exit_not_done;
  }
  Agent agent(loop, background, std::filesystem::absolute(options.config_file), std::move(first),
              std::move(api), std::move(*routers), log);
  agent.start();
  loop.run();
  return agent.exit_code();
}

}  // namespace linewatch::agent
