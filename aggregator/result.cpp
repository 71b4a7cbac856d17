#include "aggregator/result.hpp"

namespace linewatch::aggregator {

std::string_view to_string(PingStatus status) {
  switch (status) {
    case PingStatus::ok:
      return "ok";
    case PingStatus::partial_loss:
      return "partial_loss";
    case PingStatus::total_loss:
      return "total_loss";
    case PingStatus::unreachable:
      return "unreachable";
    case PingStatus::error:
      return "error";
  }
  return "error";
}

std::string_view to_string(LineState state) {
  switch (state) {
    case LineState::down:
      return "down";
    case LineState::up:
      return "up";
    case LineState::line_error:
      return "line_error";
    case LineState::router_error:
      return "router_error";
    case LineState::agent_error:
      return "agent_error";
    case LineState::removed:
      return "removed";
  }
  return "agent_error";
}

LineResult removed_line(const std::string& line, const std::string& router, const std::string& zabbix_host,
                        bool own_host) {
  LineResult result;
  result.line = line;
  result.router = router;
  result.zabbix_host = zabbix_host;
  result.own_host = own_host;
  result.state = LineState::removed;
  result.error = "removed from the configuration";
  result.clock = std::chrono::system_clock::now();
  return result;
}

LineState state_of(const PingFigures& figures) {
  switch (figures.status) {
    case PingStatus::ok:
    case PingStatus::partial_loss:
      return LineState::up;
    case PingStatus::total_loss:
    case PingStatus::unreachable:
      return LineState::down;
    case PingStatus::error:
      return LineState::line_error;
  }
  return LineState::line_error;
}

}  // namespace linewatch::aggregator
