// Sockets that wait in one epoll, without SSH on them.

#include "connection/ssh/readiness.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <vector>

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using Outcome = Readiness::Outcome;

// Two connected sockets; the near one is entered.
struct Pair {
  explicit Pair(Readiness& owner) : readiness(owner) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    far = ends[1];
    near.emplace(ends[0]);
  }
  ~Pair() {
    drop();
    hang_up();
  }
  void drop() {
    if (!near) return;
    const int fd = near->fd;
    readiness.leave(*near);
    near.reset();
    ::close(fd);
  }
  void say(const char* octet) { REQUIRE(::send(far, octet, 1, 0) == 1); }
  void hang_up() {
    if (far >= 0) ::close(std::exchange(far, -1));
  }
  void read() {
    char octets[16];
    while (::recv(near->fd, octets, sizeof octets, 0) > 0) {
    }
  }
  void wait(TimePoint deadline = TimePoint::max(), Readiness::For what = Readiness::For::reading) {
    readiness.wait(*near, what, deadline, [this](Outcome outcome) { outcomes.push_back(outcome); });
  }

  Readiness& readiness;
  std::optional<Readiness::Entry> near;
  int far = -1;
  std::vector<Outcome> outcomes;
};

struct Lab {
  Lab() : readiness(Readiness::of(loop.get_executor())) {}
  void run() {
    loop.restart();
    loop.run();  // returns: nothing is left that waits
  }
  boost::asio::io_context loop{1};
  Readiness& readiness;
};

}  // namespace

TEST_CASE("a wait ends when the socket is ready, and so does each one after it") {
  Lab lab;
  Pair pair(lab.readiness);
  for (int i = 0; i < 3; ++i) {
    pair.wait();
    pair.say("x");
    lab.run();
    pair.read();
  }
  CHECK(pair.outcomes == std::vector{Outcome::ready, Outcome::ready, Outcome::ready});
  pair.wait(TimePoint::max(), Readiness::For::writing);
  lab.run();
  CHECK(pair.outcomes.size() == 4);
}

TEST_CASE("what came before the wait ends it, and what was left unread as well") {
  Lab lab;
  Pair pair(lab.readiness);
  pair.say("x");
  pair.wait();
  lab.run();
  pair.wait();  // nobody read it
  lab.run();
  CHECK(pair.outcomes == std::vector{Outcome::ready, Outcome::ready});
}

TEST_CASE("deadlines end waits in their order, earlier and later ones after one another on the same socket") {
  Lab lab;
  Pair one(lab.readiness), other(lab.readiness);
  std::vector<int> order;
  const TimePoint now = Clock::now();
  lab.readiness.wait(*one.near, Readiness::For::reading, now + 60ms, [&](Outcome outcome) {
    CHECK(outcome == Outcome::expired);
    CHECK(Clock::now() >= now + 60ms);
    order.push_back(1);
  });
  lab.readiness.wait(*other.near, Readiness::For::reading, now + 20ms, [&](Outcome outcome) {
    CHECK(outcome == Outcome::expired);
    order.push_back(2);
    // Looked at by the earlier deadline still, and left waiting then.
    lab.readiness.wait(*other.near, Readiness::For::reading, now + 90ms,
                       [&](Outcome) { order.push_back(3); });
  });
  lab.run();
  CHECK(order == std::vector{2, 1, 3});
  one.wait(Clock::now() + 1h);
  one.say("x");
  lab.run();
  CHECK(one.outcomes == std::vector{Outcome::ready});
}

TEST_CASE("a wait can be ended, and one that is dropped is told nothing") {
  Lab lab;
  Pair pair(lab.readiness);
  pair.wait(Clock::now() + 1h);
  lab.readiness.end(*pair.near, Outcome::stopped);
  lab.readiness.end(*pair.near, Outcome::stopped);  // nobody waits any more
  lab.run();
  CHECK(pair.outcomes == std::vector{Outcome::stopped});
  pair.wait(Clock::now() + 1h);
  pair.drop();
  lab.run();
  CHECK(pair.outcomes.size() == 1);
}

TEST_CASE("one that runs first may drop the others that are ready in the same turn") {
  Lab lab;
  Pair first(lab.readiness), second(lab.readiness);
  int told = 0;
  lab.readiness.wait(*first.near, Readiness::For::reading, TimePoint::max(), [&](Outcome) {
    ++told;
    second.drop();
  });
  lab.readiness.wait(*second.near, Readiness::For::reading, TimePoint::max(), [&](Outcome) {
    ++told;
    first.drop();
  });
  first.say("x");
  second.say("x");
  lab.run();
  CHECK(told == 1);
}

TEST_CASE("a close that comes while nobody waits is told once, also behind octets that nobody read") {
  Lab lab;
  Pair pair(lab.readiness), busy(lab.readiness);
  int closed = 0;
  lab.readiness.watch(*pair.near, [&] { ++closed; });
  CHECK_FALSE(pair.near->stirred());
  pair.say("x");
  lab.loop.restart();
  lab.loop.run_one();
  CHECK(pair.near->stirred());
  CHECK_FALSE(pair.near->closed());
  SUBCASE("unread") {}
  SUBCASE("read by a wait in between") {
    pair.wait();
    CHECK_FALSE(pair.near->stirred());
    while (pair.outcomes.empty()) lab.loop.run_one();
    pair.read();
  }
  pair.hang_up();
  lab.run();
  CHECK(closed == 1);
  CHECK(pair.near->closed());
  CHECK_FALSE(pair.near->watched());
}

TEST_CASE("a close that comes with the last octets ends the wait and is known") {
  Lab lab;
  Pair pair(lab.readiness);
  int closed = 0;
  lab.readiness.watch(*pair.near, [&] { ++closed; });
  pair.wait();
  pair.say("x");
  pair.hang_up();
  lab.loop.restart();
  while (pair.outcomes.empty()) lab.loop.run_one();
  CHECK(pair.near->closed());
  lab.run();
  CHECK(closed == 1);
}

TEST_CASE("a watch that is taken back holds nothing up") {
  Lab lab;
  Pair pair(lab.readiness);
  lab.readiness.watch(*pair.near, [] { FAIL("nobody watches"); });
  lab.readiness.watch(*pair.near, {});
  pair.hang_up();
  lab.run();
}

TEST_CASE("a wait on what the kernel does not take fails, from the loop and once") {
  Lab lab;
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);  // a plain file: EPERM
  REQUIRE(file >= 0);
  Readiness::Entry entry(file);
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 2; ++i) {
    lab.readiness.wait(entry, Readiness::For::both, Clock::now() + 1h,
                       [&](Outcome outcome) { outcomes.push_back(outcome); });
    CHECK(outcomes.size() == static_cast<std::size_t>(i));
    lab.run();
  }
  CHECK(outcomes == std::vector{Outcome::failed, Outcome::failed});
  lab.readiness.watch(entry, [] { FAIL("a plain file has nobody to close it"); });
  lab.readiness.watch(entry, nullptr);
  lab.readiness.leave(entry);
  ::close(file);
}

TEST_CASE("waits that a loop leaves behind are dropped with it") {
  auto kept = std::make_shared<int>(0);
  std::optional<Pair> pair;
  {
    Lab lab;
    pair.emplace(lab.readiness);
    lab.readiness.wait(*pair->near, Readiness::For::reading, Clock::now() + 1h, [kept](Outcome) { ++*kept; });
    pair->drop();
    CHECK(kept.use_count() == 1);
    pair.reset();
    Pair other(lab.readiness);
    lab.readiness.wait(*other.near, Readiness::For::reading, Clock::now() + 1h, [kept](Outcome) { ++*kept; });
  }
  CHECK(kept.use_count() == 1);
  CHECK(*kept == 0);
}

}  // namespace linewatch::connection
