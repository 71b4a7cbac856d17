#pragma once
// What `linewatch ping` prints: one JSON object a line, or a row of a table made from the same object,
// whether it was measured here or by the running agent.

#include <nlohmann/json.hpp>
#include <vector>

#include "config/settings.hpp"
#include "scheduler/measure.hpp"

namespace linewatch::agent {

// The figures (scheduler/task/ping_json.hpp) and line, router, target, state, started, duration_ms, session.
nlohmann::ordered_json ping_json(const config::Line& line, const config::Router& router,
                                 const scheduler::Measurement& measurement);

class PingReport {
 public:
  // The columns are as wide as these lines need.
  PingReport(const std::vector<const config::Line*>& lines, bool json);

  void header() const;
  // Prints the result, on standard error also why a line could not be measured, and counts it.
  void result(const nlohmann::ordered_json& result);

  // 2 (could not be measured) wins over 1 (down) wins over 0.
  int exit_code() const { return exit_code_; }
  // Something could not be done at all.
  void not_done();

 private:
  void print_row(const nlohmann::ordered_json& result) const;

  bool json_;
  std::size_t id_width_ = 4, router_width_ = 6, target_width_ = 6;
  int exit_code_ = 0;
};

}  // namespace linewatch::agent
