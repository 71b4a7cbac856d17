#include <doctest/doctest.h>

#include "tests/aggregator/world.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace linewatch::aggregator::test;
using namespace std::chrono_literals;

namespace {

connection::Awaitable<void> add_a_destination(World& world) {
  world.submit(1);
  co_await settled(world);
  world.destination({world.servers[1]->node()});
  world.aggregator->reconfigure(world.settings);
  world.submit(1);
  co_await deliver_and_drain(world);
}

connection::Awaitable<void> replace_the_destination(World& world) {
  world.submit(1);
  const Predicate tried = [&world] { return world.servers[0]->connections > 0; };
  co_await until(world, tried);
  world.settings.servers.clear();
  world.destination({world.servers[1]->node()});
  world.aggregator->reconfigure(world.settings);
  world.submit(1);
  const Predicate said = [&world] { return world.said("the destination was removed") == 1; };
  co_await until(world, said);
  co_await deliver_and_drain(world);
}

connection::Awaitable<void> change_how(World& world) {
  world.submit(3);
  const Predicate tried = [&world] { return world.servers[0]->connections > 2; };
  co_await until(world, tried);
  world.settings.batch_size = 2;
  world.settings.compression = false;
  world.settings.flush_interval = 1ms;
  world.aggregator->reconfigure(world.settings);
  world.servers[0]->otherwise = Behaviour::ok;
  co_await deliver_and_drain(world);
}

connection::Awaitable<void> add_a_node(World& world) {
  world.submit(2);
  const Predicate tried = [&world] { return world.figures().last_error != ""; };
  co_await until(world, tried);
  world.settings.servers[0].nodes.push_back(world.servers[0]->node());
  world.aggregator->reconfigure(world.settings);
  co_await deliver_and_drain(world);
}

connection::Awaitable<void> change_layout(World& world) {
  world.submit(1);
  world.settings.layout = config::Layout::per_line;
  world.aggregator->reconfigure(world.settings);
  world.submit(1);
  co_await deliver_and_drain(world);
}

}  // namespace

TEST_CASE("a destination that is added gets what comes from then on, the other goes on") {
  World world;
  StandIn &first = world.serve(), &second = world.serve();
  world.destination({first.node()});
  world.start();
  world.run(add_a_destination);
  CHECK(keys(first) == expected_keys(0, 2));
  CHECK(keys(second) == expected_keys(1, 2));
  CHECK(first.connections == 2);
  REQUIRE(world.aggregator->statistics().size() == 2);
  CHECK(world.figures(0).processed == 4);
  CHECK(world.figures(1).processed == 2);
}

TEST_CASE("a destination that is removed is sent nothing any more, and what it did not get is said") {
  World world;
  StandIn &first = world.serve(), &second = world.serve();
  first.otherwise = Behaviour::close_at_once;
  world.destination({first.node()});
  world.start();
  world.run(replace_the_destination);
  CHECK(first.accepted.empty());
  CHECK(keys(second) == expected_keys(1, 2));
  CHECK(world.aggregator->dropped_with_destinations() == 4);
  CHECK(world.aggregator->gone().dropped == 0);
  CHECK(world.said("dropped=4") == 1);  // both results: the second came before its sender had ended
  REQUIRE(world.aggregator->statistics().size() == 1);
  CHECK(world.figures().processed == 2);
}

TEST_CASE("how it is sent changes with what waits, and nothing of it is lost or sent twice") {
  World world;
  StandIn& server = world.serve();
  server.otherwise = Behaviour::close_at_once;
  world.destination({server.node()});
  world.start();
  world.run(change_how);
  CHECK(keys(server) == expected_keys(0, 3));
  for (const auto& request : server.requests) CHECK(request["data"].size() <= 2);
}

TEST_CASE("a destination that gets another node keeps what waited for it") {
  World world;
  StandIn& server = world.serve();
  world.destination({{"127.0.0.1", closed_port(world.loop)}});
  world.start();
  world.run(add_a_node);
  CHECK(keys(server) == expected_keys(0, 2));
  CHECK(world.figures().dropped == 0);
  CHECK(world.figures().name.ends_with(":" + std::to_string(server.node().port)));
}

TEST_CASE("another layout has other keys") {
  World world;
  StandIn& server = world.serve();
  world.destination({server.node()});
  world.start();
  world.run(change_layout);
  CHECK(keys(server) ==
        std::vector<std::string>{"line.error[L0]", "line.status[L0]", "line.error", "line.status"});
}
