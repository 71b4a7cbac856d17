#include "tests/bench/measure.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace linewatch::bench {

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double resident_kib() {
  std::ifstream in("/proc/self/statm");
  double all = 0, resident = 0;
  in >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1024;
}

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(samples.size())));
  const auto at = samples.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::ranges::nth_element(samples, at);
  return *at;
}

void print_row(std::string_view figure, double value) {
  fmt::print("{{\"figure\": \"{}\", \"value\": {}}}\n", figure, value);
  std::fflush(stdout);
}

void print_row(std::string_view figure, double value, double rival) {
  fmt::print("{{\"figure\": \"{}\", \"value\": {}, \"rival\": {}}}\n", figure, value, rival);
  std::fflush(stdout);
}

void give_up(std::string_view why) {
  fmt::print(stderr, "linewatch-bench: {}\n", why);
  std::_Exit(2);
}

}  // namespace linewatch::bench
