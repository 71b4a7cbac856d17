#include "agent/ping_report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "agent/options.hpp"
#include "agent/time_text.hpp"
#include "config/printable.hpp"
#include "scheduler/task/ping_json.hpp"

namespace linewatch::agent {

using Json = nlohmann::ordered_json;

namespace {

// Texts and numbers of an object that may come from another program: absent is empty.
std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? config::printable(found->get<std::string>()) : "";
}

std::string number(const Json& object, const char* key, const char* form) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return "-";
  return fmt::format(fmt::runtime(form), found->get<double>());
}

}  // namespace

Json ping_json(const config::Line& line, const config::Router& router,
               const scheduler::Measurement& measurement) {
  const aggregator::LineResult& result = measurement.result;
  aggregator::PingFigures figures;
  if (result.figures) figures = *result.figures;
  if (figures.error.empty()) figures.error = result.error;
  Json object = scheduler::to_json(router.platform->name, figures);
  object["line"] = line.id;
  object["router"] = router.name;
  object["target"] = line.target;
  object["state"] = std::string(to_string(result.state));
  object["started"] = rfc3339(result.clock);
  object["duration_ms"] = std::round(result.check_time.count() * 1e6) / 1e3;
  object["session"] = measurement.reused ? "reused" : "new";
  return object;
}

PingReport::PingReport(const std::vector<const config::Line*>& lines, bool json) : json_(json) {
  for (const config::Line* line : lines) {
    id_width_ = std::max(id_width_, line->id.size());
    router_width_ = std::max(router_width_, line->router.size());
    target_width_ = std::max(target_width_, line->target.size());
  }
}

void PingReport::header() const {
  if (json_) return;
  fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<12} {:>7}  {:>24}\n", "LINE", id_width_, "ROUTER", router_width_,
             "TARGET", target_width_, "STATE", "LOSS", "RTT MIN/AVG/MAX MS");
  std::fflush(stdout);
}

void PingReport::result(const Json& result) {
  const std::string state = text(result, "state");
  const bool measured = state == "up" || state == "down";
  if (state != "up") exit_code_ = std::max(exit_code_, measured ? exit_line_down : exit_not_done);
  if (json_) {
    fmt::print("{}\n", result.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    print_row(result);
  }
  std::fflush(stdout);
  // The row says it already where both go to one terminal.
  const bool shown = !json_ && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
  if (!measured && !shown)
    fmt::print(stderr, "linewatch: {}: {}\n", text(result, "line"), text(result, "error"));
}

void PingReport::print_row(const Json& result) const {
  const Json times = result.value("rtt_ms", Json::object());
  std::string loss = number(result, "loss_percent", "{:.4g} %");
  std::string rtt = "-";
  if (number(times, "avg", "{:.6g}") != "-") {
    rtt = number(times, "min", "{:.6g}") + "/" + number(times, "avg", "{:.6g}") + "/" +
          number(times, "max", "{:.6g}");
  }
  const std::string state = text(result, "state");
  const std::string error = state == "up" ? "" : text(result, "error");
  fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<12} {:>7}  {:>24}{}{}\n", text(result, "line"), id_width_,
             text(result, "router"), router_width_, text(result, "target"), target_width_, state, loss, rtt,
             error.empty() ? "" : "  ", error);
}

void PingReport::not_done() {
  exit_code_ = exit_not_done;
}

}  // namespace linewatch::agent
