// The fuzzer's program. Its input: one octet for the profile, one for the size of the pieces, and what the
// router printed.

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "config/loader.hpp"
#include "tests/fuzz/router_text.hpp"

namespace {

const std::vector<std::shared_ptr<const linewatch::config::Platform>>& platforms() {
  static const auto all = [] {
    const auto known = linewatch::config::builtin_platforms();
    std::vector<std::shared_ptr<const linewatch::config::Platform>> found;
    for (const std::string& name : known.names()) found.push_back(known.find(name));
    return found;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto& platform = *platforms()[data[0] % platforms().size()];
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string wrong = linewatch::test::complaint(platform, octets, 1U + data[1]);
  if (!wrong.empty()) {
    fmt::print(stderr, "{}: {}\n", platform.name, wrong);
    std::abort();
  }
  return 0;
}
