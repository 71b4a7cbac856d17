#include "aggregator/aggregator.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "aggregator/delivery_log.hpp"
#include "tests/aggregator/world.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace linewatch::aggregator::test;
using namespace std::chrono_literals;

TEST_CASE("values arrive whole, with their clock and ns, compressed or not") {
  for (const bool compression : {true, false}) {
    World world;
    StandIn& server = world.serve();
    world.destination({server.node()});
    world.settings.compression = compression;
    world.start();
    world.submit(2);
    world.run(deliver_and_drain);
    REQUIRE(server.accepted.size() == 4);
    CHECK(server.accepted[3] ==
          nlohmann::json::parse(
              R"({"host":"h","key":"line.status[L1]","value":"3","clock":1700000000,"ns":2})"));
    CHECK(server.requests[0]["request"] == "sender data");
    CHECK(server.requests[0]["clock"].get<long>() > 1'700'000'000);
    CHECK(world.figures().processed == 4);
    CHECK(world.figures().name == "127.0.0.1:" + std::to_string(server.node().port));
  }
}

TEST_CASE("after every kind of failure the same values arrive, once and in order") {
  struct Row {
    Behaviour bad;
    const char* cause;
  };
  for (const Row& row :
       std::vector<Row>{{Behaviour::close_at_once, "closed the connection without an answer"},
                        {Behaviour::close_silently, "closed the connection without an answer"},
                        {Behaviour::half_header, "after 7 of 13 octets of its header"},
                        {Behaviour::half_answer, "closed the connection after"},
                        {Behaviour::wrong_flags, "flags that no Zabbix server sets: 9"},
                        {Behaviour::not_zabbix, "does not speak the Zabbix protocol"},
                        {Behaviour::bad_json, "no JSON object"},
                        {Behaviour::failed, "the server answered \"failed\": \"no room\""}}) {
    CAPTURE(row.cause);
    World world;
    StandIn& server = world.serve();
    server.script = {row.bad, row.bad};
    world.destination({server.node()});
    world.start();
    world.submit(3);
    world.run(deliver_and_drain);
    CHECK(keys(server) == expected_keys(0, 3));
    CHECK(server.connections == 3);
    for (const auto& request : server.requests) CHECK(request["data"] == server.requests[0]["data"]);
    CHECK(world.figures().processed == 6);
    CHECK(world.figures().dropped == 0);
    CHECK(world.figures().last_error.empty());
    CHECK(world.said("started to fail") == 1);
    CHECK(world.said("works again") == 1);
    CHECK(world.said("waiting=6") == 2);
    CHECK(world.said(row.cause) == 1);
  }
}

TEST_CASE("a server that stalls is left at the time limit and tried again") {
  World world;
  StandIn& server = world.serve();
  server.script = {Behaviour::stall};
  world.options.exchange.total = 200ms;
  world.destination({server.node()});
  world.start();
  world.submit();
  world.run(deliver_and_drain);
  CHECK(keys(server) == expected_keys(0, 1));
  CHECK(world.said("took too long") == 1);
}

TEST_CASE("a refused connection is a failure that is said once") {
  World world;
  world.destination({{"127.0.0.1", closed_port(world.loop)}});
  world.start();
  world.submit();
  world.run([](World& w) -> connection::Awaitable<void> {
    const Predicate failing = [&w] { return !w.figures().last_error.empty(); };
    co_await until(w, failing);
    co_await drain(w, 50ms);
  });
  CHECK(world.figures().last_error.find("connecting to 127.0.0.1:") != std::string::npos);
  CHECK(world.said("started to fail") == 1);
  CHECK(world.said("stops with values not delivered") == 1);
  CHECK(world.figures().queued == 0);
  CHECK(world.figures().dropped == 2);
  CHECK(world.figures().drops[static_cast<std::size_t>(DropReason::stopped)] == 2);
}

TEST_CASE("the next node of a cluster takes over at once, and stays") {
  World world;
  world.options.backoff_first = world.options.backoff_max = 1h;  // a back-off would hang the test
  StandIn& active = world.serve();
  world.destination({{"127.0.0.1", closed_port(world.loop)}, active.node()});
  world.start();
  world.submit();
  world.run([](World& w) -> connection::Awaitable<void> {
    co_await settled(w);
    w.submit();
    co_await settled(w);
    co_await drain(w, 60s);
  });
  CHECK(keys(active) == expected_keys(0, 2));
  CHECK(world.said("started to fail") == 0);
}

TEST_CASE("failing over is said with both nodes") {
  World world;
  world.serve();
  world.serve();
  world.destination({world.servers[0]->node(), world.servers[1]->node()});
  world.start();
  world.submit();
  world.run([](World& w) -> connection::Awaitable<void> {
    co_await settled(w);
    w.servers[0]->stop();
    w.submit();
    co_await settled(w);
    co_await drain(w, 60s);
  });
  CHECK(keys(*world.servers[0]) == expected_keys(0, 1));
  CHECK(keys(*world.servers[1]) == expected_keys(1, 2));
  CHECK(world.said("another node of the cluster takes the values") == 1);
}

TEST_CASE("what the server refuses is counted and said, and not kept") {
  World world;
  StandIn& server = world.serve();
  server.otherwise = Behaviour::refuse_one;
  world.destination({server.node()});
  world.start();
  world.submit(2);
  world.run([](World& w) -> connection::Awaitable<void> {
    co_await settled(w);
    w.submit(2);
    co_await settled(w);
    co_await drain(w, 60s);
  });
  CHECK(std::ranges::count_if(server.requests,
                              [](const auto& request) { return request.contains("session"); }) == 2);
  CHECK(world.figures().processed == 6);
  CHECK(world.figures().failed == 2);
  CHECK(world.said("zabbix refused values") == 1);
}

TEST_CASE("packets hold at most batch_size values and never part a run's") {
  World world;
  StandIn& server = world.serve();
  world.settings.batch_size = 5;
  world.destination({server.node()});
  world.start();
  world.submit(6);
  world.run(deliver_and_drain);
  CHECK(keys(server) == expected_keys(0, 6));
  for (const auto& request : server.requests) CHECK(request["data"].size() == 4);
}

TEST_CASE("a batch goes when it is full, or when the oldest value is old enough") {
  World world;
  StandIn& server = world.serve();
  world.settings.batch_size = 4;
  world.settings.flush_interval = 1h;
  world.destination({server.node()});
  world.start();
  world.run([](World& w) -> connection::Awaitable<void> {
    w.submit(3);
    const Predicate first = [&w] { return w.figures().processed == 4; };
    co_await until(w, first);
    CHECK(w.figures().queued == 2);
    w.submit(1);  // wakes the sender out of its wait
    co_await settled(w);
    w.submit(1);
    co_await drain(w, 60s);  // and draining sends at once what is there
  });
  CHECK(keys(server) == expected_keys(0, 5));
}

TEST_CASE("every destination gets everything, and a dead one holds up no other") {
  World world;
  StandIn& server = world.serve();
  world.settings.buffer.memory = 10;
  world.destination({server.node()});
  world.destination({{"127.0.0.1", closed_port(world.loop)}});
  world.start();
  world.run([](World& w) -> connection::Awaitable<void> {
    for (int i = 0; i < 20; ++i) {
      w.submit();
      const Predicate arrived = [&w] { return w.figures(0).queued == 0; };
      co_await until(w, arrived);
    }
    CHECK(w.figures(1).queued <= 10);
    CHECK(w.figures(1).queued + w.figures(1).dropped == 40);
    co_await drain(w, 0s);
  });
  CHECK(keys(server) == expected_keys(0, 20));
  CHECK(world.figures(0).dropped == 0);
  CHECK(world.figures(1).dropped == 40);
  CHECK(world.figures(1).drops[static_cast<std::size_t>(DropReason::memory_full)] >= 30);
  CHECK(world.said("the oldest values are being dropped") == 1);
}

TEST_CASE(
    "memory stays bounded in an outage, the newest values survive, and both ends of the dropping are said") {
  World world;
  StandIn& server = world.serve();
  server.otherwise = Behaviour::failed;
  world.settings.buffer.memory = 100;
  world.destination({server.node()});
  world.start();
  world.run([](World& w) -> connection::Awaitable<void> {
    for (int i = 0; i < 50; ++i) {
      w.submit(20);
      const Predicate tried = [&w, before = w.servers[0]->connections] {
        return w.servers[0]->connections > before;
      };
      co_await until(w, tried);
      CHECK(w.figures().queued <= 100 + 250);
    }
    w.servers[0]->otherwise = Behaviour::ok;
    co_await settled(w);
    co_await drain(w, 60s);
  });
  const DestinationStatistics figures = world.figures();
  CHECK(figures.processed + figures.dropped == 2000);
  CHECK(figures.processed >= 100);
  const auto got = keys(server);
  const auto wanted = expected_keys(950, 1000);
  REQUIRE(got.size() >= wanted.size());
  CHECK(std::vector<std::string>(got.end() - 100, got.end()) == wanted);
  CHECK(world.said("the oldest values are being dropped") == 1);
  CHECK(world.said("values are no longer dropped") == 1);
  CHECK(world.said("dropped=" + std::to_string(figures.dropped)) == 1);
}

TEST_CASE("values that grow too old while zabbix is away are one episode in the log") {
  std::ostringstream out;
  DeliveryLog log(
      "z", std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_st>(out)));
  const auto said = [&](std::string_view words) { return out.str().contains(words); };
  Drops drops{};
  log.failing("connection refused", 5);
  for (int looked = 0; looked < 6; ++looked) {
    if (looked % 2 == 0) ++drops[static_cast<std::size_t>(DropReason::too_old)];
    log.dropping(drops, 5, true);
  }
  CHECK(said("the oldest values are being dropped destination=z reason=too_old waiting=5"));
  CHECK_FALSE(said("no longer dropped"));
  log.working("n", 5);
  log.dropping(drops, 5, true);
  CHECK(said("values are no longer dropped destination=z dropped=3"));
}

TEST_CASE("one record that the server always closes upon does not hold up the others for ever") {
  World world;
  StandIn& server = world.serve();
  server.poison = [](const nlohmann::json& request) {
    return std::any_of(request["data"].begin(), request["data"].end(),
                       [](const nlohmann::json& value) { return value["key"] == "line.status[L2]"; });
  };
  world.destination({server.node()});
  world.start();
  world.submit(5);
  world.run(deliver_and_drain);
  auto wanted = expected_keys(0, 2);
  const auto rest = expected_keys(3, 5);
  wanted.insert(wanted.end(), rest.begin(), rest.end());
  CHECK(keys(server) == wanted);
  CHECK(world.figures().drops[static_cast<std::size_t>(DropReason::refused)] == 2);
  CHECK(world.said("reason=refused") == 1);
}

TEST_CASE("a drain ends at its deadline or its stop, even in the middle of an exchange") {
  for (const bool by_stop : {false, true}) {
    World world;
    StandIn& server = world.serve();
    server.otherwise = Behaviour::stall;
    world.options.exchange.total = 1h;
    world.destination({server.node()});
    world.start();
    world.submit();
    const World::Scenario at_deadline = [](World& w) -> connection::Awaitable<void> {
      const Predicate asked = [&w] { return w.servers[0]->requests.size() == 1; };
      co_await until(w, asked);
      co_await drain(w, 10ms);
    };
    const World::Scenario at_stop = [](World& w) -> connection::Awaitable<void> {
      const Predicate asked = [&w] { return w.servers[0]->requests.size() == 1; };
      co_await until(w, asked);
      std::stop_source stop;
      asio::steady_timer timer(w.loop, 10ms);
      timer.async_wait([stop](boost::system::error_code) mutable { stop.request_stop(); });
      const connection::Context ctx = connection::Context().stopped_by(stop.get_token());
      co_await w.aggregator->drain(ctx);
    };
    world.run(by_stop ? at_stop : at_deadline);
    CHECK(world.figures().dropped == 2);
    CHECK(world.figures().last_error.empty());  // it was our own stop, no failure of the server
  }
}

TEST_CASE("a drain goes on trying until the values are through") {
  World world;
  StandIn& server = world.serve();
  server.script = {Behaviour::failed, Behaviour::close_silently, Behaviour::half_answer};
  world.settings.flush_interval = 1h;
  world.destination({server.node()});
  world.start();
  world.submit(3);
  world.run(drain_all);
  CHECK(keys(server) == expected_keys(0, 3));
  CHECK(world.figures().dropped == 0);
}

TEST_CASE("a drain cuts a long back-off short") {
  World world;
  StandIn& server = world.serve();
  server.script = {Behaviour::failed};
  world.options.backoff_first = world.options.backoff_max = 1h;
  world.destination({server.node()});
  world.start();
  world.submit();
  world.run([](World& w) -> connection::Awaitable<void> {
    const Predicate failing = [&w] { return !w.figures().last_error.empty(); };
    co_await until(w, failing);
    co_await drain(w, 60s);
  });
  CHECK(keys(server) == expected_keys(0, 1));
}

TEST_CASE("what is submitted after the end is counted") {
  World world;
  StandIn& server = world.serve();
  world.destination({server.node()});
  world.start();
  world.run(drain_late);
  world.submit();
  CHECK(world.figures().queued == 0);
  CHECK(world.figures().dropped == 2);
}

TEST_CASE("an aggregator may go while its work is under way") {
  World world;
  StandIn& server = world.serve();
  server.otherwise = Behaviour::stall;
  world.destination({server.node()});
  world.start();
  world.submit();
  world.run([](World& w) -> connection::Awaitable<void> {
    const Predicate asked = [&w] { return w.servers[0]->requests.size() == 1; };
    co_await until(w, asked);
    w.aggregator.reset();
  });
  CHECK(server.accepted.empty());
}

TEST_CASE("the source address is used, and a wrong one is a clear error") {
  World world;
  StandIn& server = world.serve();
  world.settings.source_address = "127.0.0.9";
  world.destination({server.node()});
  world.start();
  world.submit();
  world.run(deliver_and_drain);
  CHECK(server.last_peer == "127.0.0.9");

  World wrong;
  wrong.settings.source_address = "192.0.2.77";  // documentation range: no interface here has it
  wrong.destination({wrong.serve().node()});
  wrong.start();
  wrong.submit();
  wrong.run([](World& w) -> connection::Awaitable<void> {
    const Predicate failing = [&w] { return !w.figures().last_error.empty(); };
    co_await until(w, failing);
    co_await drain(w, 0s);
  });
  CHECK(wrong.figures().last_error.find("using source_address 192.0.2.77 failed") != std::string::npos);
}
