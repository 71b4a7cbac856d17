#pragma once
// What one turn of one line came to: the figures a ping gave, or why there are none. Plain values.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace linewatch::aggregator {

enum class PingStatus { ok, partial_loss, total_loss, unreachable, error };
std::string_view to_string(PingStatus status);

// What a ping's answer says. Loss comes from the counts, never from the printed percentage.
struct PingFigures {
  PingStatus status = PingStatus::error;
  std::optional<int> sent, received;
  std::optional<double> loss_percent;                       // 0..100
  std::optional<double> min_ms, avg_ms, max_ms, stddev_ms;  // only what the router reported
  std::vector<std::optional<double>> probes_ms;             // one per probe where printed; nullopt = lost
  std::string error;     // why status is error (or unreachable: what the device said); empty otherwise
  bool refused = false;  // error is the router's own word: it does not take the ping as typed
};

// The words and numbers of Zabbix item line.status.
enum class LineState { down = 0, up = 1, line_error = 2, router_error = 3, agent_error = 4, removed = 5 };
std::string_view to_string(LineState state);

struct LineResult {
  std::string line, router, zabbix_host;
  bool own_host = false;  // config::Line::own_host: no key has the line's id, whatever the layout
  LineState state = LineState::agent_error;
  std::optional<PingFigures> figures;  // when the ping was typed and its answer read
  std::string error;                   // why not up; empty when up
  bool timed_out = false;  // error is a time limit: the ping's own, or that of the wait for a session
  // Wall time when the ping was typed, or, if it never was, when the turn was due. Fixed for ever.
  std::chrono::system_clock::time_point clock;
  std::chrono::duration<double> check_time{};  // from start to result
};

// The last value of a line that went: as of now. `router` is for people and may be empty.
LineResult removed_line(const std::string& line, const std::string& router, const std::string& zabbix_host,
                        bool own_host);

// The state a ping's figures mean for the line.
LineState state_of(const PingFigures& figures);

}  // namespace linewatch::aggregator
