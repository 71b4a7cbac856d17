// linewatch-bench: takes one group of figures and prints a row of JSON each. Run by bench.py, which starts
// the simulated routers.

#include <sys/resource.h>

#include <functional>
#include <map>
#include <string>

#include "tests/bench/figures.hpp"
#include "tests/bench/measure.hpp"

using namespace linewatch::bench;

int main(int argc, char** argv) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);

  const std::map<std::string, std::function<void(const Server&)>> groups = {
      {"core", [](const Server&) { measure_core(); }},
      {"pool", [](const Server&) { measure_pool(); }},
      {"text", [](const Server&) { measure_text(); }},
      {"answers", [](const Server&) { print_answers(); }},
      {"buffer", [](const Server&) { measure_buffer(); }},
      {"outage", measure_outage},
      {"held", measure_held},
      {"scale", measure_scale},
      {"waiting", measure_waiting},
      {"tcp", [](const Server& server) { measure_ends("tcp", server); }},
      {"key_exchange", [](const Server& server) { measure_ends("key_exchange", server); }},
      {"authentication", [](const Server& server) { measure_ends("authentication", server); }},
      {"endless", [](const Server& server) { measure_ends("endless", server); }},
      {"silent", [](const Server& server) { measure_ends("silent", server); }},
  };
  const std::string name = argc > 1 ? argv[1] : "";
  if (name == "plan" && argc > 2) {
    measure_plan(argv[2]);
    return 0;
  }
  if (name == "values" && argc > 2) {
    print_values(std::stoul(argv[2]));
    return 0;
  }
  if (name == "delivery" && argc > 3) {
    measure_delivery(parse_server(argv[2]), std::stoul(argv[3]));
    return 0;
  }
  const auto group = groups.find(name);
  if (group == groups.end()) give_up("which group? linewatch-bench GROUP [ADDRESS:PORT or a plan]");
  group->second(argc > 2 ? parse_server(argv[2]) : Server());
  return 0;
}
