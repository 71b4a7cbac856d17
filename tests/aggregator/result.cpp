#include "aggregator/result.hpp"

#include <doctest/doctest.h>

using namespace linewatch::aggregator;

TEST_CASE("a ping's status decides the line's state") {
  const auto state = [](PingStatus status) {
    PingFigures figures;
    figures.status = status;
    return to_string(state_of(figures));
  };
  CHECK(state(PingStatus::ok) == "up");
  CHECK(state(PingStatus::partial_loss) == "up");
  CHECK(state(PingStatus::total_loss) == "down");
  CHECK(state(PingStatus::unreachable) == "down");
  CHECK(state(PingStatus::error) == "line_error");
}

TEST_CASE("states and statuses have the words and numbers of the documentation") {
  CHECK(to_string(LineState::router_error) == "router_error");
  CHECK(to_string(LineState::agent_error) == "agent_error");
  CHECK(to_string(LineState::removed) == "removed");
  CHECK(to_string(PingStatus::partial_loss) == "partial_loss");
  CHECK(to_string(PingStatus::unreachable) == "unreachable");
  CHECK(static_cast<int>(LineState::down) == 0);
  CHECK(static_cast<int>(LineState::removed) == 5);
}
