#include "agent/items/figures.hpp"

#include <doctest/doctest.h>

using namespace linewatch;
using namespace linewatch::agent;
using namespace std::chrono_literals;
using connection::ErrorCode;
using connection::Histogram;
using connection::PoolSnapshot;
using connection::SlotState;

namespace {

PoolSnapshot pool(std::vector<SlotState> states, std::optional<ErrorCode> failure = std::nullopt,
                  int logins = 0) {
  PoolSnapshot made;
  for (const SlotState state : states) made.sessions.push_back({.state = state});
  if (failure) made.last_login_error = connection::Error{*failure, connection::Phase::tcp_connect, "r1: why"};
  for (; logins > 0; --logins) made.statistics.login_time.add(2s);
  return made;
}

std::string shown(const aggregator::Items& items) {
  std::string text;
  for (const aggregator::Item& item : items)
    text += std::string(item.key) + "=" + std::string(item.text) + "\n";
  return text;
}

}  // namespace

TEST_CASE("router.status says what linewatch status says") {
  struct Row {
    PoolSnapshot pool;
    bool paused;
    std::optional<RouterStatus> status;
    const char* error;
  };
  const Row table[] = {
      {pool({SlotState::idle}), false, RouterStatus::ok, ""},
      {pool({SlotState::leased, SlotState::connecting}, ErrorCode::session_limit), false, RouterStatus::ok,
       ""},
      {pool({SlotState::connecting}), false, std::nullopt, ""},
      {pool({}), false, std::nullopt, ""},
      {pool({}, std::nullopt, 1), false, RouterStatus::ok, ""},
      {pool({SlotState::connecting}, std::nullopt, 1), false, RouterStatus::ok, ""},
      {pool({}, ErrorCode::unreachable), false, RouterStatus::unreachable, "r1: why"},
      {pool({SlotState::connecting}, ErrorCode::resolve, 1), false, RouterStatus::unreachable, "r1: why"},
      {pool({}, ErrorCode::authentication), false, RouterStatus::login_refused, "r1: why"},
      {pool({}, ErrorCode::no_way_in), false, RouterStatus::login_refused, "r1: why"},
      {pool({}, ErrorCode::host_key), false, RouterStatus::host_key_changed, "r1: why"},
      {pool({}, ErrorCode::session_limit), false, RouterStatus::session_limit, "r1: why"},
      {pool({}, ErrorCode::not_supported), false, RouterStatus::unreachable, "r1: why"},
      {pool({}, ErrorCode::unreachable), true, RouterStatus::paused, "paused by command"},
  };
  for (const Row& row : table) {
    const RouterFigures figures = figures_of(row.pool, row.paused);
    CHECK(figures.status == row.status);
    CHECK(figures.error == row.error);
  }
  PoolSnapshot stopping = pool({SlotState::idle});
  stopping.draining = true;
  CHECK_FALSE(figures_of(stopping, false).status);
}

TEST_CASE("a router's items, its status last; the login time is that of the last logins") {
  RouterFigures figures =
      figures_of(pool({SlotState::idle, SlotState::leased, SlotState::closing}, std::nullopt, 2), false);
  CHECK(shown(items_of(figures, {})) ==
        "router.sessions=2\nrouter.login.time=2\nrouter.error=\nrouter.status=1\n");
  const Histogram before = figures.logins;
  CHECK(shown(items_of(figures, before)) == "router.sessions=2\nrouter.error=\nrouter.status=1\n");
  figures.logins.add(500ms);
  CHECK(shown(items_of(figures, before)).find("router.login.time=0.5\n") != std::string::npos);
}

TEST_CASE("routers that share a host: the worst status, the sum of sessions, and who has which error") {
  RouterFigures all;
  all.add(figures_of(pool({SlotState::idle}), false), "a");
  CHECK(all.status == RouterStatus::ok);
  all.add(figures_of(pool({SlotState::connecting}), false), "b");  // not known yet
  CHECK(all.status == RouterStatus::ok);
  all.add(figures_of(pool({}, ErrorCode::host_key), false), "c");
  all.add(figures_of(pool({SlotState::idle}, ErrorCode::unreachable), false), "d");
  all.add(figures_of(pool({}, ErrorCode::unreachable), false), "e");
  CHECK(all.status == RouterStatus::host_key_changed);
  CHECK(all.sessions == 2);
  CHECK(all.error == "c: r1: why; e: r1: why");
  for (int i = 0; i < 5000; ++i) all.add(figures_of(pool({}, ErrorCode::unreachable), false), "f");
  CHECK(all.error.size() < 3000);
}

TEST_CASE("the agent's items") {
  AgentFigures figures;
  figures.routers = 2;
  figures.lines = 40;
  figures.turns.skipped_for = {100, 1, 2, 3, 4};  // paused ones are as wished
  for (int i = 0; i < 99; ++i) figures.turns.lateness.add(4ms);
  figures.destinations.push_back({.queued = 5, .failed = 1, .dropped = 2});
  figures.destinations.push_back({.queued = 7, .failed = 10, .dropped = 20});
  figures.gone_dropped = 300;
  figures.gone_refused = 4000;
  const std::string counts =
      "linewatch.skipped=10\nlinewatch.queue=7\nlinewatch.dropped=322\nlinewatch.refused=4011\nlinewatch.up="
      "1\n";
  const std::string text = shown(items_of(figures, {}));
  CHECK(text.starts_with("linewatch.version="));
  CHECK(text.ends_with("linewatch.routers=2\nlinewatch.lines=40\nlinewatch.lateness=0.004\n" + counts));
  const Histogram before = figures.turns.lateness;
  CHECK(shown(items_of(figures, before)).ends_with("linewatch.lines=40\n" + counts));
  figures.turns.lateness.add(40s);
  CHECK(shown(items_of(figures, before)).find("linewatch.lateness=40\n") != std::string::npos);
}
