// Answers and records that the fuzzer begins with, and what it found once (tests/fuzz/answers).

#include "tests/fuzz/zabbix_answer.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace linewatch;

TEST_CASE(
    "whatever is answered or read back from the file is taken without nonsense, in pieces of any size") {
  const auto folder = std::filesystem::path(LINEWATCH_SOURCE_DIR) / "tests/fuzz/answers";
  int cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++cases;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(in), {}};
    INFO(entry.path().filename().string());
    for (const std::size_t piece : {1UL, 5UL, 7UL, 4096UL})
      CHECK(test::complaint_of_zabbix(octets, piece) == "");
    for (std::size_t length = 0; length < octets.size(); ++length)
      CHECK(test::complaint_of_zabbix(std::string_view(octets).substr(0, length), 3) == "");
  }
  CHECK(cases > 0);
}
