#pragma once
// What one run of a task beside the pings came to: values for items of a router or a line, or why there are
// none. Plain values.

#include <chrono>
#include <string>
#include <vector>

namespace linewatch::aggregator {

struct TaskFigure {
  std::string name;  // as the configuration calls it
  std::string item;  // Zabbix key, without the line's id
  std::string text;  // what is sent
};

struct TaskResult {
  std::string task, router, zabbix_host;
  std::string line;                  // empty: the router's own task
  bool own_host = false;             // as LineResult's
  std::vector<TaskFigure> values;    // only what the answers gave
  std::vector<std::string> missing;  // one clause for each value that they did not give
  std::string error;                 // why there is none at all; empty: the answers were read
  // Wall time when the first command was typed, or, if none was, when the turn was due. Fixed for ever.
  std::chrono::system_clock::time_point clock;
};

}  // namespace linewatch::aggregator
