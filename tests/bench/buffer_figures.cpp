// The buffer alone: results written to disk, and read back from there.

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "aggregator/items.hpp"
#include "aggregator/store.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/folder.hpp"
#include "tests/bench/measure.hpp"
#include "tests/bench/results.hpp"

namespace linewatch::bench {

using namespace aggregator;
namespace asio = boost::asio;
using connection::Clock;

namespace {

constexpr std::uint64_t values_of_buffer = 400'000;
constexpr std::size_t batch = 1000;
constexpr const char* nodes = "192.0.2.1:10051";

std::vector<Record> records() {
  ItemMapper mapper(config::Layout::discovery);
  Results results;
  std::vector<Record> out;
  std::uint64_t made = 0;
  while (made < values_of_buffer) {
    out.push_back(mapper.map(results.next(), Clock::now()));
    made += out.back().items.size();
  }
  return out;
}

std::shared_ptr<Store> open(asio::io_context& loop, const std::filesystem::path& file) {
  const config::BufferSettings limits;
  auto log = std::make_shared<spdlog::logger>("bench", std::make_shared<spdlog::sinks::stderr_sink_st>());
  auto store =
      std::make_shared<Store>(loop.get_executor(), limits,
                              std::make_unique<Journal>(loop.get_executor(), file, limits.synchronous), log);
  store->open();
  store->add_destination(nodes);
  return store;
}

double microseconds(Clock::time_point begin, std::uint64_t values) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count() /
         static_cast<double>(values);
}

}  // namespace

void measure_buffer() {
  const Folder folder;
  const auto file = folder.path() / "buffer.db";
  std::vector<Record> all = records();
  std::uint64_t written = 0, read = 0;
  {
    asio::io_context loop(1);
    const auto busy = asio::make_work_guard(loop);
    const auto store = open(loop, file);
    const auto begin = Clock::now();
    for (Record& record : all) {
      written += record.items.size();
      store->add(std::move(record), Clock::now());
      while (store->statistics().memory_values > store->statistics().memory_limit) loop.run_one();
    }
    while (store->writing()) loop.run_one();
    print_row("buffer.write", microseconds(begin, written));
  }
  asio::io_context loop(1);
  const auto busy = asio::make_work_guard(loop);
  const auto store = open(loop, file);
  const auto begin = Clock::now();
  while (read < written) {
    const Batch rows = store->take(0, batch);
    read += rows.values;
    if (rows.rows.empty()) loop.run_one();
  }
  print_row("buffer.read", microseconds(begin, read));
}

}  // namespace linewatch::bench
