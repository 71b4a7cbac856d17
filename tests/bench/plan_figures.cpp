// What reading a plan costs: all of it at first, then one changed file of it, as at a reload. bench.py writes
// the plan.

#include <sys/resource.h>

#include <fstream>
#include <iterator>
#include <string>

#include "config/loader.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

namespace {

double peak_mib() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_maxrss) / 1024;
}

// Another address for the first line of the file.
std::string change(const std::filesystem::path& file, int round) {
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t at = text.find("target: ") + 8, end = text.find('\n', at);
  const std::string target = "192.0.2." + std::to_string(round + 1);
  std::ofstream(file) << text.replace(at, end - at, target);
  return target;
}

}  // namespace

void measure_plan(const std::filesystem::path& main_file) {
  config::Loader loader(main_file);
  double cpu = cpu_seconds();
  config::Loaded plan = loader.load();
  print_row("plan.load", cpu_seconds() - cpu);
  if (!plan.ok() || plan.settings.lines.size() != 100'000) give_up("the plan is not read");
  print_row("plan.memory", peak_mib());
  for (int round = 0; round < 5; ++round) {
    const std::string target = change(main_file.parent_path() / "plan.d/00.yml", round);
    cpu = cpu_seconds();
    config::Loaded next = loader.load();
    print_row("plan.changed", cpu_seconds() - cpu);
    if (!next.ok() || next.settings.lines.front().target != target) give_up("the change is not read");
    plan = std::move(next);
  }
}

}  // namespace linewatch::bench
