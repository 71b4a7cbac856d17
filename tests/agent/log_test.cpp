#include "agent/log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/time_text.hpp"

using namespace linewatch;
using namespace std::chrono_literals;

namespace {

// What a logger writes to standard error.
std::string logged(config::LogFormat format, const std::string& message) {
  std::FILE* file = std::tmpfile();
  const int before = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  {
    const auto log = agent::make_logger({config::LogLevel::info, format});
    log->debug("below the level");
    log->warn("{}", message);
  }
  dup2(before, STDERR_FILENO);
  close(before);
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

}  // namespace

TEST_CASE("times are RFC 3339 in UTC with milliseconds, before 1970 too") {
  CHECK(agent::rfc3339(std::chrono::system_clock::time_point(1772355900250ms)) == "2026-03-01T09:05:00.250Z");
  CHECK(agent::rfc3339(std::chrono::system_clock::time_point(-1ms)) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("what a router printed reaches the log as text: one line, no control characters") {
  const std::string line = logged(config::LogFormat::text, "r1 said \x1b[2J\nroot# ok");
  CHECK(line.find("warn  r1 said \\x1b[2J\\x0aroot# ok\n") != std::string::npos);
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find("below") == std::string::npos);
}

TEST_CASE("a JSON log is one object a line, whatever octets a router printed") {
  const std::string line = logged(config::LogFormat::json, "r1 said \"\xff\n\"");
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  const auto object = nlohmann::json::parse(line);
  CHECK(object["level"] == "warn");
  CHECK(object["message"].get<std::string>().starts_with("r1 said \""));
}
