// How packets are made and sent: lanes, sessions, lost answers, proxy groups, and the buffer on disk behind
// it.

#include <map>
#include <set>

#include "tests/aggregator/buffer_bed.hpp"
#include "tests/aggregator/world.hpp"

using namespace linewatch;
using namespace linewatch::aggregator;
using namespace linewatch::aggregator::test;
using nlohmann::json;

namespace {

std::set<std::string> hosts_of(const json& request) {
  std::set<std::string> out;
  for (const auto& value : request["data"]) out.insert(value["host"]);
  return out;
}

json success(std::size_t processed, std::size_t failed) {
  return {{"response", "success"},
          {"info", "processed: " + std::to_string(processed) + "; failed: " + std::to_string(failed) +
                       "; total: " + std::to_string(processed + failed) + "; seconds spent: 0.000100"}};
}

// As 6.x does: of each host it drops ids that are not greater than the session's last one.
struct KnowsSessions {
  std::map<std::pair<std::string, std::string>, std::uint64_t> last;
  std::vector<json> taken;

  json take(const json& request) {
    std::size_t processed = 0;
    for (const auto& value : request["data"]) {
      std::uint64_t& known = last[{request["session"], value["host"]}];
      if (value["id"].get<std::uint64_t>() <= known) continue;
      known = value["id"];
      taken.push_back(value);
      ++processed;
    }
    return success(processed, request["data"].size() - processed);
  }
};

void submit_hosts(World& world, int hosts, int each) {
  for (int i = 0; i < each; ++i)
    for (int host = 0; host < hosts; ++host) world.submit(1, "host" + std::to_string(host));
}

}  // namespace

TEST_CASE("several packets are in flight, and each host's values keep to one of them at a time, in order") {
  World world;
  StandIn& server = world.serve();
  server.together = lane_count;  // answers none of the first before all have come
  world.destination({server.node()});
  world.settings.batch_size = 20;
  world.settings.flush_interval = 1h;
  world.start();
  submit_hosts(world, 40, 4);
  world.run(drain_all);
  std::set<std::string> hosts;
  for (std::size_t first = 0; first < lane_count; ++first) {
    for (const std::string& host : hosts_of(server.requests[first])) CHECK(hosts.insert(host).second);
  }
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> last;
  for (const auto& value : server.accepted) {
    const std::pair<std::int64_t, std::int64_t> when{value["clock"], value["ns"]};
    CHECK(last[value["host"]] <= when);
    last[value["host"]] = when;
  }
  CHECK(server.accepted.size() == 320);
}

TEST_CASE(
    "after a lost answer a server that knows sessions takes nothing twice, and nothing counts as refused") {
  World world;
  KnowsSessions zabbix;
  StandIn& server = world.serve();
  server.script = {Behaviour::half_answer, Behaviour::half_answer};
  server.reply = [&](const json& request) { return std::optional(zabbix.take(request)); };
  // The answer is cut after the values were taken.
  server.poison = [&, lost = 0](const json& request) mutable {
    if (++lost > 3) return false;
    zabbix.take(request);
    return true;
  };
  world.destination({server.node()});
  world.start();
  submit_hosts(world, 3, 5);
  world.run(deliver_and_drain);
  CHECK(zabbix.taken.size() == 30);
  CHECK(world.figures().processed == 30);
  CHECK(world.figures().failed == 0);
  CHECK(world.said("refused values") == 0);
}

TEST_CASE("values that the server may have go again in their session, whatever else comes back unsent") {
  World world;
  KnowsSessions zabbix;
  StandIn& server = world.serve();
  server.reply = [&](const json& request) { return std::optional(zabbix.take(request)); };
  server.poison = [&, lost = std::size_t{0}](const json& request) mutable {
    if (++lost > lane_count) return false;
    zabbix.take(request);
    return true;
  };
  world.destination({server.node()});
  world.settings.batch_size = 20;
  world.settings.flush_interval = 1h;
  world.start();
  submit_hosts(world, 40, 4);
  world.run(drain_all);
  CHECK(zabbix.taken.size() == 320);
  CHECK(world.figures().processed == 320);
  CHECK(world.figures().failed == 0);
}

TEST_CASE("a packet of large texts holds fewer of them") {
  std::vector<Row> rows;
  for (Sequence one = 0; one < 100; ++one) {
    auto record = std::make_shared<Record>();
    record->host = "h";
    record->items = {{"lines.discovery", std::string(50'000, 'x')}};
    rows.push_back({one, record});
  }
  const auto lanes = packets_of(rows, 250, Owners());
  Sequence next = 0;
  for (const Packet& packet : lanes[0]) {
    CHECK(packet.octets <= most_octets);
    CHECK(packet.rows.size() == 2);
    for (const Row& row : packet.rows) CHECK(row.sequence == next++);
  }
  CHECK(next == 100);
}

TEST_CASE("a packet is the newest of its hosts unless a later one of its lane has values of one of them") {
  std::vector<Row> rows;
  for (Sequence one = 0; one < 6; ++one) {
    auto record = std::make_shared<Record>();
    record->host = one == 1 ? "other" : "h";
    record->items = {{"lines.discovery", std::string(most_octets, 'x')}};
    rows.push_back({one, record});
  }
  std::map<std::string, std::vector<bool>> newest;
  for (const Lane& lane : packets_of(rows, 1000, Owners()))
    for (const Packet& packet : lane) newest[packet.rows[0].record->host].push_back(packet.newest);
  CHECK(newest["h"] == std::vector<bool>{false, false, false, false, true});
  CHECK(newest["other"] == std::vector<bool>{true});
}

TEST_CASE("ids are the same whenever a value is sent") {
  World world;
  StandIn& server = world.serve();
  server.script = {Behaviour::close_silently, Behaviour::half_header};
  world.destination({server.node()});
  world.start();
  world.submit(3);
  world.run(deliver_and_drain);
  std::map<std::string, std::set<std::uint64_t>> ids;
  for (const auto& request : server.requests)
    for (const auto& value : request["data"]) ids[value["key"]].insert(value["id"].get<std::uint64_t>());
  CHECK(ids.size() == 6);
  for (const auto& [key, its] : ids) CHECK(its.size() == 1);
}

TEST_CASE("fresh_first sends without a session, whose ids would have to grow") {
  World world;
  StandIn& server = world.serve();
  world.settings.buffer.replay = config::BufferSettings::Replay::fresh_first;
  world.destination({server.node()});
  world.start();
  world.submit();
  world.run(deliver_and_drain);
  CHECK(!server.requests.at(0).contains("session"));
  CHECK(!server.requests.at(0)["data"][0].contains("id"));
}

TEST_CASE("after a failure one packet finds out whether the server is back") {
  World world;
  StandIn& server = world.serve();
  server.script = {Behaviour::failed};
  world.settings.batch_size = 10;
  world.destination({server.node()});
  world.start();
  submit_hosts(world, 1, 100);
  world.run(deliver_and_drain);
  CHECK(server.accepted.size() == 200);
  CHECK(server.requests.at(1)["data"].size() == 10);
  CHECK(server.requests.size() == 21);
}

TEST_CASE("the members of a proxy group each get their own hosts") {
  World world;
  StandIn &one = world.serve(), &other = world.serve();
  const auto owner = [&](const std::string& host) -> StandIn& { return host.back() % 2 == 0 ? one : other; };
  // Looks at the first host alone, as a proxy does; of another's values it takes none.
  const auto proxy = [&](StandIn& self) {
    return [&self, &owner](const json& request) -> std::optional<json> {
      if (request["data"].empty()) return std::nullopt;
      StandIn& right = owner(request["data"][0]["host"]);
      if (&right != &self)
        return json{{"response", "failed"},
                    {"redirect", {{"revision", 7}, {"address", to_string(right.node())}}}};
      std::size_t processed = 0;
      for (const auto& value : request["data"]) {
        if (&owner(value["host"]) != &self) continue;
        self.accepted.push_back(value);
        ++processed;
      }
      return success(processed, request["data"].size() - processed);
    };
  };
  one.reply = proxy(one);
  other.reply = proxy(other);
  // The first packets hold one host each: until a redirect nobody knows that it is a group.
  world.settings.batch_size = 2;
  world.destination({one.node()});
  world.start();
  submit_hosts(world, 8, 1);
  world.run([](World& w) -> connection::Awaitable<void> {
    co_await settled(w);
    w.settings.batch_size = 100;
    w.aggregator->reconfigure(w.settings);
    submit_hosts(w, 8, 5);
    co_await deliver_and_drain(w);
  });
  CHECK(world.figures().processed == 96);
  CHECK(world.figures().failed == 0);
  CHECK(one.accepted.size() == 48);
  CHECK(other.accepted.size() == 48);
}

TEST_CASE("redirects that lead nowhere are failures that are said, and nothing is lost") {
  World world;
  StandIn& server = world.serve();
  int asked = 0;
  server.reply = [&](const json&) -> std::optional<json> {
    switch (++asked) {
      case 1:
        return json{{"response", "failed"}, {"redirect", {{"reset", true}}}};
      case 2:
        return json{{"response", "failed"}, {"redirect", {{"revision", 5}, {"address", "not an address"}}}};
      case 3:
      case 4:  // to itself, twice
        return json{{"response", "failed"},
                    {"redirect", {{"revision", 5}, {"address", to_string(server.node())}}}};
      case 5:
        return json{{"response", "failed"},
                    {"redirect", {{"revision", 4}, {"address", to_string(server.node())}}}};
      default:
        return std::nullopt;
    }
  };
  world.destination({server.node()});
  world.start();
  world.submit();
  world.run(deliver_and_drain);
  CHECK(asked == 6);
  CHECK(server.accepted.size() == 2);
  CHECK(world.said("started to fail") == 1);
}

TEST_CASE("what an agent could not deliver, the next one does") {
  Folder folder;
  StandIn* second = nullptr;
  {
    World world;
    world.options.buffer_file = folder.file();
    StandIn& server = world.serve();
    server.otherwise = Behaviour::failed;
    world.destination({server.node(), {"127.0.0.1", 9}});
    world.start();
    world.submit(30);
    world.run(drain_late);
    CHECK(world.figures().queued == 60);
    CHECK(world.figures().dropped == 0);
    CHECK(world.said("the next start sends them") == 1);
  }
  World world;
  world.options.buffer_file = folder.file();
  second = &world.serve();
  world.destination({second->node(), {"127.0.0.1", 9}});
  world.start();
  world.run(deliver_and_drain);
  CHECK(keys(*second) == expected_keys(0, 30));
  CHECK(world.figures().queued == 0);
}

TEST_CASE("a long backlog is read back from the disk in order while new values come") {
  Folder folder;
  World world;
  world.options.buffer_file = folder.file();
  world.settings.buffer.memory = 50;
  StandIn& server = world.serve();
  server.otherwise = Behaviour::failed;
  world.destination({server.node()});
  world.start();
  world.run([](World& w) -> connection::Awaitable<void> {
    for (int i = 0; i < 40; ++i) {
      w.submit(25);
      const Predicate kept = [&w] { return w.aggregator->buffer().memory_values <= 50; };
      co_await until(w, kept);
    }
    w.servers[0]->otherwise = Behaviour::ok;
    w.submit(10);
    co_await deliver_and_drain(w);
  });
  CHECK(keys(server) == expected_keys(0, 1010));
  CHECK(world.figures().dropped == 0);
}
