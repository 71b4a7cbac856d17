#include "agent/status_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/text_table.hpp"
#include "config/counted.hpp"
#include "config/printable.hpp"

namespace linewatch::agent {

using Json = nlohmann::ordered_json;

namespace {

const Json& field(const Json& object, const char* key) {
  static const Json absent;
  const auto found = object.find(key);
  return found == object.end() ? absent : *found;
}

std::string text(const Json& object, const char* key) {
  const Json& value = field(object, key);
  if (value.is_string()) return config::printable(value.get<std::string>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  return value.is_number() ? value.dump() : "-";
}

std::uint64_t count(const Json& object, const char* key) {
  const Json& value = field(object, key);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

std::string time(const Json& object, const char* key) {
  const Json& value = field(object, key);
  return value.is_number() ? short_time(value.get<double>()) : "-";
}

bool is_true(const Json& object, const char* key) {
  const Json& value = field(object, key);
  return value.is_boolean() && value.get<bool>();
}

// Each entry of a list of objects or sentences; of anything else none.
const Json& list(const Json& object, const char* key) {
  static const Json none = Json::array();
  const Json& value = field(object, key);
  return value.is_array() ? value : none;
}

std::string longest_stall(const Json& agent) {
  const Json& longest = field(field(agent, "event_loop_stall_s"), "longest");
  if (!longest.is_number()) return {};
  return fmt::format(", loop held up for {:.0f} ms at most", longest.get<double>() * 1000);
}

std::string agent_lines(const Json& agent) {
  const Json& lines = field(agent, "lines");
  std::string states;
  for (const char* state :
       {"up", "down", "line_error", "router_error", "agent_error", "not_measured_yet", "paused"}) {
    if (count(lines, state) == 0) continue;
    std::string words = state;
    if (words == "not_measured_yet") words = "not measured yet";
    states += fmt::format("{}{} {}", states.empty() ? ": " : ", ", count(lines, state), words);
  }
  return fmt::format(
      "agent {}, linewatch {}, pid {}, up {} (since {})\nconfiguration of {}\n{}, {}{}\n{}, {} skipped ({} "
      "of "
      "them paused, {} while warming up){}\n",
      text(agent, "name"), text(agent, "version"), text(agent, "pid"), time(agent, "uptime_s"),
      text(agent, "since"), text(field(agent, "configuration"), "loaded"),
      config::counted(count(agent, "routers"), "router"), config::counted(count(lines, "total"), "line"),
      states, config::counted(count(agent, "turns"), "turn"), count(agent, "turns_skipped"),
      count(agent, "turns_skipped_paused"), count(agent, "turns_skipped_warm_up"), longest_stall(agent));
}

std::string buffer_text(const Json& buffer) {
  std::string out = fmt::format("buffer: {} of {} values in memory", text(buffer, "memory_values"),
                                text(buffer, "memory_limit"));
  if (count(buffer, "disk_limit") > 0)
    out += fmt::format(", {} of {} KiB on disk", count(buffer, "disk_octets") / 1024,
                       count(buffer, "disk_limit") / 1024);
  if (field(buffer, "disk_failure").is_string())
    out += fmt::format("; the disk is not used: {}", text(buffer, "disk_failure"));
  return out + "\n";
}

std::string destination_table(const Json& destinations) {
  TextTable table({"DESTINATION", "REACHABLE", ">PROCESSED", ">FAILED", ">DROPPED", ">QUEUED"});
  for (const Json& each : destinations) {
    table.row({text(each, "name"), text(each, "reachable"), text(each, "processed"), text(each, "failed"),
               text(each, "dropped"), text(each, "queued")});
  }
  return table.text();
}

std::string sessions_text(const Json& router) {
  std::string out = text(router, "live_sessions") + " of " + text(router, "max_sessions");
  if (text(router, "effective_max_sessions") != text(router, "max_sessions"))
    out = text(router, "live_sessions") + " of " + text(router, "effective_max_sessions") + "*";
  return out;
}

std::string pause_text(const Json& object) {
  const Json& until = field(object, "paused_until");
  return until.is_string() ? "paused until " + text(object, "paused_until") : "paused until resumed";
}

std::string router_table(const Json& routers) {
  TextTable table({"ROUTER", "STATE", ">SESSIONS", ">WAITING", ">WAITS", ">TIME-OUTS", ">LOGINS", ">FAILED",
                   ">LINES", ">UP", ">LOAD %", ">SKIPPED"});
  for (const Json& each : routers) {
    const Json& lines = field(each, "line_count");
    table.row({text(each, "name"), text(each, "state"), sessions_text(each), text(each, "waiting"),
               text(each, "waits"), text(each, "wait_timeouts"), text(each, "logins"),
               text(each, "login_failures"), text(lines, "total"), text(lines, "up"),
               text(each, "load_percent"), text(each, "turns_skipped")});
    if (is_true(each, "paused")) table.note(pause_text(each));
  }
  return table.text();
}

std::string session_table(const Json& sessions) {
  TextTable table({">SESSION", "STATE", ">FOR", ">AGE", ">USES", "HOLDER"});
  for (const Json& each : sessions) {
    table.row({text(each, "slot"), text(each, "state"), time(each, "in_state_s"), time(each, "age_s"),
               text(each, "uses"), text(each, "holder")});
  }
  return table.text();
}

// "closed so far: 2 worn, 1 lost"
std::string closes(const Json& router) {
  std::string out;
  for (const auto& [reason, times] : field(router, "closed_by_reason").items()) {
    if (!times.is_number_unsigned() || times.get<std::uint64_t>() == 0) continue;
    out += fmt::format("{}{} {}", out.empty() ? "closed so far: " : ", ", times.get<std::uint64_t>(),
                       config::printable(reason));
  }
  return out.empty() ? out : out + '\n';
}

// The time of day is enough of a moment that lies minutes ago at most.
std::string time_of_day(const Json& object, const char* key) {
  const std::string moment = text(object, key);
  return moment.size() >= 19 ? moment.substr(11, 8) : moment;
}

std::string line_table(const Json& lines) {
  TextTable table({"LINE", "TARGET", "STATE", ">LOSS %", ">RTT MS", "MEASURED", ">EVERY", ">NEXT IN", "NOW"});
  for (const Json& each : lines) {
    const bool paused = is_true(each, "paused");
    table.row({text(each, "id"), text(each, "target"), text(each, "state"), text(each, "loss_percent"),
               text(each, "rtt_avg_ms"), time_of_day(each, "measured"), time(each, "interval_s"),
               time(each, "next_due_in_s"),
               paused                     ? "paused"
               : is_true(each, "running") ? "running"
                                          : "waiting"});
    std::string note = paused ? pause_text(each) : "";
    if (field(each, "error").is_string()) note += (note.empty() ? "" : "; ") + text(each, "error");
    table.note(note);
  }
  return table.text();
}

// "peers_up 2, rib 4711"; texts of many lines are for --json.
std::string values_text(const Json& values) {
  constexpr std::size_t longest = 40;
  std::string out;
  for (const auto& [name, value] : values.items()) {
    const std::string shown = value.is_string() ? value.get<std::string>() : "";
    const bool is_short = shown.size() <= longest && shown.find('\n') == std::string::npos;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", config::printable(name),
                       is_short ? config::printable(shown) : "(text)");
  }
  return out.empty() ? "-" : out;
}

std::string task_table(const Json& tasks) {
  TextTable table({"TASK", "LINE", "DONE", ">EVERY", ">NEXT IN", "NOW", "VALUES"});
  for (const Json& each : tasks) {
    table.row({text(each, "name"), text(each, "line"), time_of_day(each, "done"), time(each, "interval_s"),
               time(each, "next_due_in_s"),
               is_true(each, "paused")    ? "paused"
               : is_true(each, "running") ? "running"
                                          : "waiting",
               values_text(field(each, "values"))});
    if (field(each, "error").is_string()) table.note(text(each, "error"));
  }
  return table.text();
}

// The sentences of the agent and of every entry under their title; a router's have its name in front.
std::string sentences(const Json& status, const char* key, const char* title) {
  std::string out;
  const auto of = [&](const Json& each) {
    for (const Json& sentence : list(each, key))
      if (sentence.is_string()) out += wrapped(config::printable(sentence.get<std::string>()), 2);
  };
  of(field(field(status, "agent"), "configuration"));
  for (const Json& each : list(status, "destinations")) of(each);
  for (const Json& each : list(status, "routers")) {
    for (const Json& sentence : list(each, key)) {
      if (sentence.is_string())
        out += wrapped(text(each, "name") + ": " + config::printable(sentence.get<std::string>()), 2);
    }
  }
  return out.empty() ? out : fmt::format("\n{}\n{}", title, out);
}

}  // namespace

std::string status_table(const Json& status, bool in_detail) {
  std::string out = agent_lines(field(status, "agent"));
  out += "\n" + buffer_text(field(field(status, "agent"), "buffer"));
  out += destination_table(list(status, "destinations"));
  out += "\n" + router_table(list(status, "routers"));
  for (const Json& router : list(status, "routers")) {
    if (!in_detail) break;
    out += "\n" + session_table(list(router, "sessions")) + closes(router);
    out += "\n" + line_table(list(router, "lines"));
    if (!list(router, "tasks").empty()) out += "\n" + task_table(list(router, "tasks"));
  }
  out += sentences(status, "warnings", "WARNINGS");
  out += sentences(status, "hints", "HINTS");
  return out;
}

}  // namespace linewatch::agent
