// The fuzzer's program. Its input: one octet for the size of the pieces, and what Zabbix answered or the file
// held.

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/zabbix_answer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string wrong = linewatch::test::complaint_of_zabbix(octets, 1U + data[0]);
  if (!wrong.empty()) {
    fmt::print(stderr, "{}\n", wrong);
    std::abort();
  }
  return 0;
}
