// linewatch-sim: simulated routers to log in to. Prints one line of JSON when they listen, then serves until
// SIGTERM.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <fstream>
#include <iostream>

#include "tests/sim/router/config_file.hpp"
#include "tests/sim/server/simulator.hpp"

namespace {

using namespace linewatch::sim;

struct Options {
  std::string config;
  std::string events;
  std::string platform = "cisco_iosxe";
  std::string name = "router1";
  std::string listen = "127.0.0.1:0";
  std::string user = "netmon";
  std::string password;
  std::string authorized_keys;
  std::string host_key;
  std::vector<std::string> targets;
  int count = 1;
};

int fail(const std::string& what) {
  std::cerr << "linewatch-sim: " << what << "\n";
  return 3;
}

std::expected<SimulatorConfig, std::string> quick_config(const Options& options) {
  RouterConfig router;
  const auto kind = platform_kind(options.platform);
  if (!kind) return std::unexpected("platform " + options.platform + " is none of " + platform_names());
  router.platform = *kind;
  const auto colon = options.listen.rfind(':');
  if (colon == std::string::npos)
    return std::unexpected("--listen " + options.listen + " has no port; write 127.0.0.1:0");
  router.address = options.listen.substr(0, colon);
  if (router.address.starts_with('[') && router.address.ends_with(']'))
    router.address = router.address.substr(1, router.address.size() - 2);
  const auto port = CLI::detail::lexical_cast(options.listen.substr(colon + 1), router.port);
  if (!port) return std::unexpected("--listen " + options.listen + " has no valid port");
  router.user = options.user;
  router.password = options.password;
  router.host_key_file = options.host_key;
  if (!options.authorized_keys.empty()) {
    auto lines = read_lines(options.authorized_keys);
    if (!lines) return std::unexpected(lines.error());
    router.authorized_keys = std::move(*lines);
  }
  if (router.password.empty() && router.authorized_keys.empty()) {
    return std::unexpected("nobody can log in without --password or --authorized-keys");
  }
  for (const std::string& target : options.targets) {
    if (auto added = add_target(router, target); !added) return std::unexpected(added.error());
  }
  SimulatorConfig config;
  for (int n = 1; n <= options.count; ++n) {
    config.routers.push_back(router);
    config.routers.back().name = options.count == 1 ? options.name : options.name + "-" + std::to_string(n);
    if (router.port != 0) config.routers.back().port = static_cast<std::uint16_t>(router.port + n - 1);
  }
  return config;
}

void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int serve(SimulatorConfig config, Events::Sink sink) {
  boost::asio::io_context loop(1);
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
  Simulator simulator(loop, std::move(config), std::move(sink));
  if (auto started = simulator.start(); !started) return fail(started.error());
  signals.async_wait([&](boost::system::error_code, int) {
    simulator.emit_totals();
    simulator.stop();
  });
  std::cout << simulator.ready_line() << std::endl;
  loop.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  allow_many_descriptors();
  Options options;
  CLI::App app("Simulated routers on loopback addresses, for tests and demonstrations.", "linewatch-sim");
  app.add_option("--config", options.config, "YAML file of routers");
  app.add_option("--events", options.events, "file for one JSON object per event, or - for standard output");
  app.add_option("--platform", options.platform, platform_names());
  app.add_option("--name", options.name, "the router's name");
  app.add_option("--listen", options.listen, "address and port; port 0 takes a free one");
  app.add_option("--user", options.user, "who may log in");
  app.add_option("--password", options.password, "with this password");
  app.add_option("--authorized-keys", options.authorized_keys, "or with a key of this file");
  app.add_option("--host-key", options.host_key, "private key file; default: one is made");
  app.add_option(
      "--target", options.targets,
      "ADDRESS,delay=12ms,jitter=1ms,loss=20%,pattern=!!.!!,unreachable,no_route; * is any other address");
  app.add_option("--count", options.count, "so many routers, NAME-1 to NAME-N");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 3;
  }
  auto config = options.config.empty() ? quick_config(options) : load_config(options.config);
  if (!config) return fail(config.error());
  std::ofstream file;
  Events::Sink sink;
  if (!options.events.empty()) {
    if (options.events != "-") file.open(options.events, std::ios::app);
    if (options.events != "-" && !file) return fail("cannot write " + options.events);
    std::ostream& out = options.events == "-" ? std::cout : file;
    sink = [&out](const std::string& line) { out << line << std::endl; };
  }
  return serve(std::move(*config), std::move(sink));
}
