#include "agent/trace.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace linewatch::agent {
namespace {

using connection::TraceDirection;

struct Bench {
  std::string shown;
  connection::Trace trace =
      make_trace("r1", {config::Secret("s3cret"), config::Secret(), config::Secret("0pen")},
                 [this](std::string_view line) { shown += std::string(line) + '|'; });
};

}  // namespace

TEST_CASE("a trace shows lines, control octets as escapes, and whose they are") {
  Bench bench;
  bench.trace(TraceDirection::note, "waiting for a prompt: #$");
  bench.trace(TraceDirection::received, "\r\nWel");
  bench.trace(TraceDirection::received, "come\tall\x1b[K\r\nr1#");
  bench.trace(TraceDirection::sent, "show clock\n");
  CHECK(bench.shown ==
        "r1 # waiting for a prompt: #$|r1 < \\r\\n|r1 < Welcome\\tall\\x1b[K\\r\\n|r1 < r1#|r1 > show "
        "clock\\n|");
  bench.trace(TraceDirection::received, "12:00");
  CHECK_FALSE(bench.shown.contains("12:00"));
  bench.trace = {};  // the end of what came is not lost
  CHECK(bench.shown.ends_with("|r1 < 12:00|"));
}

TEST_CASE("a secret shows in no trace, however it comes") {
  for (const std::string text : {"user s3cret 0pen\r\n", "s3\b3cret\r\n", "Password: s3cXet\b\b\bret\r\n",
                                 "s3cret", "\x1b[1ms3\x1b[0mcret 0pe\x1b[Cn\b\bn\r\n"}) {
    CAPTURE(text);
    for (const std::size_t piece : {1UL, 3UL, 100UL}) {
      for (const std::size_t before : {0UL, 4093UL}) {
        Bench bench;
        bench.trace(TraceDirection::received, std::string(before, '.'));
        for (std::size_t at = 0; at < text.size(); at += piece)
          bench.trace(TraceDirection::received, std::string_view(text).substr(at, piece));
        bench.trace(TraceDirection::note, "it said s3cret");
        CHECK(bench.shown.contains("********"));
        for (const char* secret : {"s3cret", "cret", "0pen"}) CHECK_FALSE(bench.shown.contains(secret));
      }
    }
  }
}

}  // namespace linewatch::agent
