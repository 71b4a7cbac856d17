// What the fuzzer found once (tests/fuzz/cases), and every transcript, with every profile.

#include <doctest/doctest.h>

#include "tests/fuzz/router_text.hpp"
#include "tests/scheduler/task/transcripts.hpp"

using namespace linewatch;

TEST_CASE("whatever a router prints is read without nonsense, by every profile") {
  const auto folder = std::filesystem::path(LINEWATCH_SOURCE_DIR) / "tests/fuzz/cases";
  const config::Platforms platforms = config::builtin_platforms();
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++cases;
    const std::string octets = test::content(entry.path());
    for (const std::string& name : platforms.names()) {
      INFO(entry.path().filename().string() << " as " << name);
      CHECK(test::complaint(*platforms.find(name), octets, 1) == "");
    }
  }
  CHECK(cases > 0);
}

TEST_CASE("every transcript is read without nonsense, in pieces of any size") {
  const config::Platforms platforms = config::builtin_platforms();
  for (const auto& transcript : test::transcripts()) {
    INFO(transcript.platform << "/" << transcript.name);
    for (const std::size_t piece : {1UL, 7UL})
      CHECK(test::complaint(*platforms.find(transcript.platform), transcript.text, piece) == "");
  }
}
