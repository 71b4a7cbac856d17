#pragma once
// The results that the figures of the delivery are taken of.

#include <fmt/format.h>

#include <chrono>
#include <random>

#include "aggregator/result.hpp"

namespace linewatch::bench {

// One after the other of 50 routers' 10 lines each, turn after turn, a minute from turn to turn: eight values
// each (aggregator/items.hpp), and in each line's first one more, the text of no error.
class Results {
 public:
  static constexpr std::uint64_t routers = 50, lines = 10, values = 8;

  aggregator::LineResult next() {
    const std::uint64_t line = number_ % (routers * lines), turn = number_ / (routers * lines);
    ++number_;
    aggregator::LineResult result;
    result.router = result.zabbix_host = fmt::format("edge-{}", line / lines);
    result.line = fmt::format("L-{}-{}", line / lines, line % lines);
    result.state = aggregator::LineState::up;
    result.clock = begin_ + turn * std::chrono::minutes(1) + std::chrono::nanoseconds(some(0, 999'999'999));
    result.check_time = std::chrono::microseconds(some(80'000, 120'000));
    aggregator::PingFigures& figures = result.figures.emplace();
    figures.status = aggregator::PingStatus::ok;
    figures.sent = figures.received = 5;
    figures.loss_percent = 0;
    figures.min_ms = some(20, 24);
    figures.avg_ms = some(25, 30);
    figures.max_ms = some(31, 40);
    for (int probe = 0; probe < 5; ++probe) figures.probes_ms.emplace_back(some(20, 40));
    return result;
  }

 private:
  int some(int least, int most) { return std::uniform_int_distribution(least, most)(random_); }

  std::uint64_t number_ = 0;
  std::minstd_rand random_{1};
  std::chrono::system_clock::time_point begin_ = std::chrono::system_clock::now() - std::chrono::hours(5);
};

}  // namespace linewatch::bench
