// Hostile ground, through SSH: after a command that did not end in time the session is back at its prompt, or
// gone. What still comes of that command is never taken for the next one's answer.

#include "tests/connection/cli/hostile_ground.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::check_pings;
using test::comware;
using test::Ground;
using test::ios;
using test::plain_answer;
using test::Tongue;
using test::vrp;

std::string lost_ping(const Tongue& tongue) {
  return tongue.platform == "cisco_iosxe" ? "ping 203.0.113.9 repeat 1 timeout 1"
                                          : "ping -c 1 -t 1000 203.0.113.9";
}

std::string endless_ping(const Tongue& tongue) {
  return tongue.platform == "cisco_iosxe" ? "ping 203.0.113.9 repeat 1000 timeout 2"
                                          : "ping -c 1000 -t 2000 203.0.113.9";
}

}  // namespace

TEST_CASE("through SSH: a command that takes too long is interrupted, and the next one gets its own answer") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    for (const bool deaf : {false, true}) {
      CAPTURE(tongue->platform);
      CAPTURE(deaf);
      Ground ground(*tongue, {}, [&](auto& router) { router.faults.deaf = deaf ? 1000 : 0; });
      const auto output = ground.run(lost_ping(*tongue), 100ms);
      REQUIRE_FALSE(output);
      CHECK(output.error().code == ErrorCode::deadline);
      CHECK(ground.session->dirty());
      const auto refused = ground.run(tongue->clock);  // not while the old answer may still come
      REQUIRE_FALSE(refused);
      CHECK(refused.error().text.contains("not at its prompt"));
      const auto recovered = ground.recover();
      REQUIRE_MESSAGE(recovered.has_value(), recovered.error().text);
      CHECK(ground.answer(tongue->clock) == plain_answer(*tongue, tongue->clock));
      CHECK(ground.answer(tongue->ping) == plain_answer(*tongue, tongue->ping));
      CHECK(ground.counts().pings == 2);
    }
  }
}

TEST_CASE("through SSH: an interrupt that the router lost is typed again") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    CAPTURE(tongue->platform);
    Ground ground(*tongue, {}, [&](auto& router) { router.faults.deaf = 1; });
    REQUIRE_FALSE(ground.run(endless_ping(*tongue), 100ms));
    const auto recovered = ground.recover();
    REQUIRE_MESSAGE(recovered.has_value(), recovered.error().text);
    CHECK(std::ranges::count(ground.sent, '\x03') == 2);
    CHECK(ground.answer(tongue->ping) == plain_answer(*tongue, tongue->ping));
  }
}

TEST_CASE("through SSH: a question in the place of an answer is not answered, and the session comes back") {
  for (const Tongue* tongue : {&vrp, &comware}) {  // whose profiles answer just this question at login
    CAPTURE(tongue->platform);
    Ground ground(*tongue, {}, [](auto& router) {
      router.faults.question = "The password is old. Change now? [Y/N]:";
      router.faults.commands = "save";
    });
    ground.sent.clear();
    const auto output = ground.run("save", 300ms);
    REQUIRE_FALSE(output);
    CHECK(output.error().code == ErrorCode::deadline);
    CHECK(ground.sent == "save\n");
    const auto recovered = ground.recover();
    REQUIRE_MESSAGE(recovered.has_value(), recovered.error().text);
    check_pings(ground);
  }
}

TEST_CASE("through SSH: a session that does not come back to its prompt is given up") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    Ground ground(*tongue, {}, [](auto& router) { router.faults.silent = sim::Faults::Silent::command; });
    REQUIRE_FALSE(ground.run(tongue->ping, 100ms));
    const auto recovered = ground.recover(300ms);
    REQUIRE_FALSE(recovered);
    CHECK(recovered.error().code == ErrorCode::deadline);
    CHECK(recovered.error().text.contains("no prompt came back after an interrupt"));
    CHECK(ground.session->dirty());
    CHECK_FALSE(ground.run(tongue->clock));
  }
}

TEST_CASE("through SSH: late output with a prompt of its own, just before the echo, is not the answer") {
  for (const Tongue* tongue : {&ios, &vrp}) {
    for (const int chunk : {0, 1}) {
      CAPTURE(chunk);
      Ground ground(*tongue, {}, [&](auto& router) {
        router.faults.late = plain_answer(*tongue, tongue->clock) + "4 packet(s) received";
        router.chunk = chunk;
      });
      check_pings(ground);
    }
  }
}

}  // namespace linewatch::connection
