#include "agent/gather.hpp"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "tests/support/fake_session.hpp"

using namespace linewatch;

namespace {

connection::Awaitable<void> pass(test::Door& door) {
  co_await door.pass(connection::Context());
}

connection::Awaitable<void> nothing() {
  co_return;
}

}  // namespace

TEST_CASE("gather starts all and ends with the last, with none too") {
  boost::asio::io_context loop(1);
  test::Door first(loop.get_executor()), second(loop.get_executor());
  bool done = false, none_done = false;
  std::vector<connection::Awaitable<void>> operations;
  operations.push_back(pass(first));
  operations.push_back(nothing());
  operations.push_back(pass(second));
  boost::asio::co_spawn(loop, agent::gather(loop.get_executor(), std::move(operations)),
                        [&](std::exception_ptr) { done = true; });
  boost::asio::co_spawn(loop, agent::gather(loop.get_executor(), {}),
                        [&](std::exception_ptr) { none_done = true; });
  const auto settle = [&] {
    loop.restart();
    while (loop.poll() > 0) loop.restart();
  };
  settle();
  CHECK(none_done);
  CHECK(first.waiting() + second.waiting() == 2);
  second.open();
  settle();
  CHECK_FALSE(done);
  first.open();
  settle();
  CHECK(done);
}
