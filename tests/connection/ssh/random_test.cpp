#include "connection/ssh/random.hpp"

#include <doctest/doctest.h>
#include <openssl/rand.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>
#include <string>
#include <thread>

namespace linewatch::connection {
namespace {

std::string octets(int count) {
  std::string some(static_cast<std::size_t>(count), '\0');
  REQUIRE(RAND_bytes(reinterpret_cast<unsigned char*>(some.data()), count) == 1);
  return some;
}

struct Buffered {
  Buffered() { buffer_random_octets(); }
  ~Buffered() { unbuffer_random_octets(); }
};

}  // namespace

TEST_CASE("buffered random octets never come twice, whatever the sizes") {
  const Buffered buffered;
  std::set<std::string> seen;
  int asked = 0;
  for (int round = 0; round < 400; ++round) {
    for (const int size : {16, 17, 31, 255, 1024, 1025, 5000}) {
      const std::string some = octets(size);
      seen.insert(some.substr(0, 16));
      seen.insert(some.substr(some.size() - 16));
      asked += size == 16 ? 1 : 2;
    }
  }
  CHECK(seen.size() == static_cast<std::size_t>(asked));
}

TEST_CASE("a thread has random octets of its own, and a forked child has others than its parent") {
  const Buffered buffered;
  octets(16);  // the buffer is filled
  std::string of_thread;
  std::thread([&] { of_thread = octets(16); }).join();
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::array<unsigned char, 16> some{};
    const bool good = RAND_bytes(some.data(), static_cast<int>(some.size())) == 1;
    ::_exit(good && ::write(ends[1], some.data(), some.size()) == 16 ? 0 : 1);
  }
  const std::string of_parent = octets(16);
  std::string of_child(16, '\0');
  CHECK(::read(ends[0], of_child.data(), of_child.size()) == 16);
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(of_child != of_parent);
  CHECK(of_thread != of_parent);
  CHECK(of_child != std::string(16, '\0'));
}

}  // namespace linewatch::connection
