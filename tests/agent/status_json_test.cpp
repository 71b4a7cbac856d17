#include "agent/status_json.hpp"

#include <doctest/doctest.h>

#include "agent/status_table.hpp"
#include "config/loader.hpp"

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
using connection::ErrorCode;
using connection::Phase;
using connection::SlotState;

namespace {

const Moment now{connection::TimePoint(1000s), std::chrono::system_clock::time_point(1772355900s)};

connection::PoolSnapshot pool_of(std::initializer_list<SlotState> states) {
  connection::PoolSnapshot pool;
  pool.max_connections = pool.effective_maximum = 4;
  for (const SlotState state : states) {
    connection::SessionSnapshot session;
    session.state = state;
    session.slot = static_cast<int>(pool.sessions.size());
    pool.sessions.push_back(session);
  }
  return pool;
}

connection::PoolSnapshot failing(ErrorCode code) {
  auto pool = pool_of({SlotState::connecting});
  pool.last_login_error = connection::Error{code, Phase::authentication, "r1: no"};
  return pool;
}

config::Router router() {
  config::Router made;
  made.name = "r1";
  made.address = "192.0.2.1";
  made.platform = config::builtin_platforms().find("cisco_iosxe");
  return made;
}

config::Line line() {
  config::Line made;
  made.id = "L-1";
  made.router = "r1";
  made.target = "198.51.100.2";
  made.interval = 60s;
  return made;
}

}  // namespace

TEST_CASE("a router's state is what its sessions and its last login say, a pause above all") {
  CHECK(router_state(pool_of({}), false) == "idle");
  CHECK(router_state(pool_of({SlotState::connecting}), false) == "connecting");
  CHECK(router_state(pool_of({SlotState::idle}), false) == "ok");
  CHECK(router_state(pool_of({SlotState::leased, SlotState::connecting}), false) == "ok");
  CHECK(router_state(pool_of({SlotState::closing}), false) == "idle");
  CHECK(router_state(failing(ErrorCode::authentication), false) == "login_refused");
  CHECK(router_state(failing(ErrorCode::host_key), false) == "host_key");
  CHECK(router_state(failing(ErrorCode::session_limit), false) == "session_limit");
  CHECK(router_state(failing(ErrorCode::not_supported), false) == "not_supported");
  CHECK(router_state(failing(ErrorCode::deadline), false) == "unreachable");
  CHECK(router_state(failing(ErrorCode::unreachable), true) == "paused");
  auto still_works = failing(ErrorCode::session_limit);
  still_works.sessions.push_back({.slot = 1, .state = SlotState::idle});
  CHECK(router_state(still_works, false) == "ok");
  auto draining = pool_of({SlotState::idle});
  draining.draining = true;
  CHECK(router_state(draining, false) == "stopping");
}

TEST_CASE("a destination is reachable, not, or nobody knows yet") {
  aggregator::DestinationStatistics destination;
  destination.name = "10.0.0.5:10051";
  CHECK(to_json(destination)["reachable"].is_null());
  CHECK(warnings_of(destination).empty());
  destination.processed = 3;
  CHECK(to_json(destination)["reachable"] == true);
  destination.last_error = "connection refused";
  destination.queued = 7;
  destination.dropped = 2;
  destination.drops[static_cast<std::size_t>(aggregator::DropReason::too_old)] = 2;
  CHECK(to_json(destination)["reachable"] == false);
  CHECK(to_json(destination)["dropped_by_reason"].size() == aggregator::drop_reasons);
  const auto warnings = warnings_of(destination);
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0] == "zabbix 10.0.0.5:10051: connection refused; 7 values wait");
  CHECK(warnings[1] == "zabbix 10.0.0.5:10051: 2 values were dropped since the agent began (too_old 2)");
}

TEST_CASE("items that zabbix refuses are listed, and one is named in the warning") {
  aggregator::DestinationStatistics destination;
  destination.name = "10.0.0.5:10051";
  destination.refused_items = 2;
  destination.refused = {{"edge-1", "line.loss[L1]", now.wall}, {"edge-2", "line.loss[L2]", now.wall}};
  const Json json = to_json(destination);
  CHECK(json["refused_items"] == 2);
  CHECK(json["refused"][1]["key"] == "line.loss[L2]");
  CHECK(json["refused"][0]["since"] == "2026-03-01T09:05:00.000Z");
  const auto warnings = warnings_of(destination);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].contains("the values of 2 items are refused, such as line.loss[L1] on host edge-1"));
  CHECK(json["refused"][0]["reason"].is_null());
}

TEST_CASE("refused items have a warning for each reason that is known") {
  aggregator::DestinationStatistics destination;
  destination.name = "z";
  destination.refused_items = 3;
  destination.refused = {{"edge-1", "k1", now.wall, "the item is disabled"},
                         {"edge-1", "k2", now.wall, ""},
                         {"edge-2", "k1", now.wall, "the item is disabled"}};
  CHECK(to_json(destination)["refused"][0]["reason"] == "the item is disabled");
  const auto warnings = warnings_of(destination);
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].contains("the values of 1 item are refused, such as k2 on host edge-1: no such host or"));
  CHECK(warnings[1] ==
        "zabbix z: the values of 2 items are refused, such as k1 on host edge-1: the item is disabled");
}

TEST_CASE("hosts that store nothing are warned of, a flood of them cut short") {
  HostCheck::State hosts;
  CHECK(warnings_of(hosts).empty());
  CHECK(to_json(hosts)["last_success"].is_null());
  hosts.last_success = now.wall;
  hosts.unseen = 2;
  for (int i = 0; i < 150; ++i) hosts.troubles.push_back({"h" + std::to_string(i), "is disabled"});
  const Json json = to_json(hosts);
  CHECK(json["not_stored"].size() == 100);
  CHECK(json["not_stored"][0]["host"] == "h0");
  CHECK(json["hosts_not_stored"] == 150);
  CHECK(json["hosts_not_seen"] == 2);
  const auto warnings = warnings_of(hosts);
  REQUIRE(warnings.size() == 21);
  CHECK(warnings[0] == "host h0 is disabled");
  CHECK(warnings[20] == "130 more hosts store nothing");
}

TEST_CASE("the buffer says what it holds, and why its disk is not used") {
  aggregator::BufferStatistics buffer{12, 1000, 8192, 1 << 20, ""};
  CHECK(to_json(buffer)["disk_failure"].is_null());
  buffer.failure = "disk full";
  Json status;
  status["agent"]["buffer"] = to_json(buffer);
  CHECK(status_table(status, false)
            .contains("buffer: 12 of 1000 values in memory, 8 of 1024 KiB on disk; the disk is not used: "
                      "disk full\n"));
}

TEST_CASE("a line has its last result and its next turn on the wall's clock") {
  const config::Line own = line();
  scheduler::LineSnapshot shot{&own, false, std::nullopt, now.steady + 30s, std::nullopt};
  Json json = to_json(shot, now);
  CHECK(json["state"].is_null());
  CHECK(json["next_due"] == "2026-03-01T09:05:30.000Z");
  CHECK(json["next_due_in_s"] == 30.0);
  CHECK(json["paused"] == false);
  shot.last = scheduler::LastResult{aggregator::LineState::down, now.wall, 100.0, {}, "all lost"};
  shot.paused_until = scheduler::Pauses::until_resumed;
  json = to_json(shot, now);
  CHECK(json["state"] == "down");
  CHECK(json["measured"] == "2026-03-01T09:05:00.000Z");
  CHECK(json["loss_percent"] == 100.0);
  CHECK(json["rtt_avg_ms"].is_null());
  CHECK(json["paused"] == true);
  CHECK(json["paused_until"].is_null());
  shot.paused_until = now.steady + 10s;
  CHECK(to_json(shot, now)["paused_until"] == "2026-03-01T09:05:10.000Z");
}

TEST_CASE("what is wrong with a router is said in sentences, with the phase of the failed login") {
  const config::Router own = router();
  RouterView view{&own, failing(ErrorCode::authentication), {}, {}, {}};
  view.pool.next_login_in = 2500ms;
  view.pool.statistics.wait_time.add(3ms);
  view.turns = {.turns = 10, .skipped_for = {4, 0, 0, 1, 0}};
  view.pool.hints = {"raise max_connections or the interval"};
  const Json json = to_json(view, now);
  CHECK(json["last_login_error"]["phase"] == "authentication");
  CHECK(json["hints"] == Json::array({"raise max_connections or the interval"}));
  CHECK(json["wait_s"]["longest"] == 0.003);
  const auto warnings = json["warnings"];
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0] == "login failed (authentication): r1: no; next login in 3 s");
  CHECK(warnings[1] == "turns skipped because the one before still ran: 1");
  view.pool = pool_of({SlotState::idle});
  view.turns = {.turns = 10, .skipped_for = {4, 0, 0, 0, 0}};
  CHECK(to_json(view, now)["warnings"].empty());
  view.turns.load = 2.995;
  CHECK(to_json(view, now)["load_percent"] == 299.5);
  REQUIRE(to_json(view, now)["warnings"].size() == 1);
  CHECK(to_json(view, now)["warnings"][0].get<std::string>().starts_with("load 300 %: "));
}

TEST_CASE("how long the loop was held up stands with the agent's figures") {
  connection::Histogram stalls;
  stalls.add(4ms);
  Json status;
  status["agent"]["event_loop_stall_s"] = to_json(stalls);
  CHECK(status["agent"]["event_loop_stall_s"]["longest"] == 0.004);
  CHECK(status_table(status, false).find("loop held up for 4 ms at most") != std::string::npos);
}

TEST_CASE("a task shows its last values, and what it lacks is a warning of its router") {
  const config::Router own = router();
  config::Task task;
  task.name = "bgp";
  task.interval = std::chrono::minutes(5);
  scheduler::TaskSnapshot snapshot;
  snapshot.name = "bgp";
  snapshot.task = &task;
  snapshot.next_due = now.steady + 60s;
  CHECK(to_json(snapshot, now)["done"].is_null());
  aggregator::TaskResult result;
  result.values = {{"up", "bgp.up", "2"}};
  result.missing = {"peers: not found in the answer"};
  snapshot.last = scheduler::LastTask::of(result);
  const Json json = to_json(snapshot, now);
  CHECK(json["values"]["up"] == "2");
  CHECK(json["error"] == "peers: not found in the answer");
  CHECK(json["interval_s"] == 300.0);
  CHECK(json["next_due_in_s"] == 60.0);

  RouterView view{&own, pool_of({SlotState::idle}), {}, {}, {}, {snapshot}};
  Json status = to_json(view, now);
  CHECK(status["task_count"]["total"] == 1);
  CHECK(status["task_count"]["failing"] == 1);
  CHECK(warnings_of(view) == std::vector<std::string>{"task bgp: peers: not found in the answer"});
  status["tasks"] = Json::array({json});
  Json whole;
  whole["routers"] = Json::array({status});
  const std::string table = status_table(whole, true);
  CHECK(table.find("up 2") != std::string::npos);
  view.tasks.assign(30, snapshot);
  CHECK(warnings_of(view).size() == 21);
}

TEST_CASE("sessions that were closed are told by reason") {
  const config::Router r1 = router();
  RouterView view{&r1, pool_of({SlotState::idle}), {}, {}, std::nullopt};
  view.pool.statistics.closed_for[static_cast<std::size_t>(connection::CloseReason::lost)] = 2;
  view.pool.statistics.closed_for[static_cast<std::size_t>(connection::CloseReason::worn)] = 1;
  Json status;
  status["routers"].push_back(to_json(view, now));
  CHECK(status["routers"][0]["closed_by_reason"]["lost"] == 2);
  CHECK(status["routers"][0]["closed_by_reason"]["idle"] == 0);
  CHECK(status_table(status, true).find("closed so far: 1 worn, 2 lost\n") != std::string::npos);
}

TEST_CASE("the tables are no wider than a terminal of 120 columns, and hold what is wrong") {
  const config::Router own = router();
  const config::Line measured = line();
  RouterView view{&own, failing(ErrorCode::authentication), {}, {}, now.steady + 60s};
  view.pool.last_login_error->text = std::string(60, 'x') + " " + std::string(60, 'y');
  Json json = to_json(view, now);
  for (const auto& session : view.pool.sessions) json["sessions"].push_back(to_json(session));
  const scheduler::LastResult last{aggregator::LineState::router_error, now.wall, {}, {}, "\x1b[2J refused"};
  json["lines"].push_back(
      to_json(scheduler::LineSnapshot{&measured, true, std::nullopt, now.steady, last}, now));
  Json status;
  status["agent"] = Json{{"name", "edge"}, {"routers", 1U}};
  status["destinations"] = Json::array({to_json(aggregator::DestinationStatistics{})});
  status["routers"] = Json::array({json});
  const std::string text = status_table(status, true);
  CHECK(text.find("agent edge") == 0);
  CHECK(text.find("1 router, ") != std::string::npos);
  CHECK(text.find("paused until 2026-03-01T09:06:00.000Z") != std::string::npos);
  CHECK(text.find("WARNINGS\n  r1: login failed (authentication): xxx") != std::string::npos);
  CHECK(text.find("\\x1b[2J refused") != std::string::npos);
  CHECK(text.find("HINTS") == std::string::npos);
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    CHECK(end - begin <= 120);
  // What an agent of another version says, or leaves out, is no reason to fail.
  CHECK_FALSE(status_table(Json::object(), true).empty());
  CHECK_FALSE(
      status_table(Json::parse(R"({"agent":3,"routers":[{"lines":7,"name":[1]}, 5]})"), true).empty());
}
