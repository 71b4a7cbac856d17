#pragma once
// Times as people and programs read them.

#include <chrono>
#include <string>

namespace linewatch::agent {

// RFC 3339 in UTC with milliseconds: 2026-03-01T09:05:00.250Z
std::string rfc3339(std::chrono::system_clock::time_point time);

}  // namespace linewatch::agent
