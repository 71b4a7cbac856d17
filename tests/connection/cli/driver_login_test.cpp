// Banner to prompt: what stands in the way of a login.

#include <doctest/doctest.h>

#include <string>

#include "tests/connection/cli/driver_lab.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::check_ping;
using test::DriverLab;

}  // namespace

TEST_CASE("a banner with lines like prompts is no prompt") {
  const std::string lines[] = {"#############\r\n# only for #\r\n", "router#\r\n", "see bj-edge-9>",
                               "bj-edge-9>"};
  for (const std::string& line : lines) {
    for (const std::size_t piece : {1UL, 4096UL}) {
      CAPTURE(line);
      CAPTURE(piece);
      DriverLab bench;
      bench.channel.piece = piece;
      bench.channel.say(line);  // the end of a piece: nothing more comes for now
      bench.channel.say_after(5ms, "\r\nAuthorised access only\r\n\r\n" + bench.router.prompt);
      REQUIRE(bench.login());
      CHECK(bench.driver().prompt() == "bj-edge-1#");
      check_ping(bench);
      check_ping(bench);
    }
  }
}

TEST_CASE("an empty line that the router swallows while it greets does no harm") {
  DriverLab bench;
  auto normal = bench.channel.on_write;
  int writes = 0;
  bench.channel.on_write = [&](std::string_view bytes) {
    if (writes++ > 0) normal(bytes);
  };
  bench.channel.say("old-name#");
  bench.channel.say_after(5ms, "\r\nbanner\r\n" + bench.router.prompt);
  REQUIRE(bench.login());
  CHECK(bench.driver().prompt() == "bj-edge-1#");
  check_ping(bench);
}

TEST_CASE("a router that waits for Enter gets it") {
  DriverLab bench;
  bench.channel.say("Press RETURN to get started.\r\n");
  REQUIRE(bench.login());
  check_ping(bench);
}

TEST_CASE("a question at login is answered as the profile says") {
  DriverLab bench;
  bench.channel.say("Warning: the password expires soon.\r\nChange now? [Y/N]:");
  bench.router.answers["N"] = "\r\nInfo: kept.\r\n";
  REQUIRE(bench.login());
  CHECK(bench.channel.written.starts_with("N\n"));
  check_ping(bench);
}

TEST_CASE("a set-up command that is rejected is logged, and that is all") {
  DriverLab bench;
  bench.platform->cli.setup = {"terminal length 0", "terminal width 511"};
  bench.router.answers["terminal width 511"] = "          ^\r\n% Invalid input detected at '^' marker.\r\n";
  bench.router.greet("");
  REQUIRE(bench.login());
  CHECK(bench.log_text.str().find("terminal width 511") != std::string::npos);
  CHECK(bench.log_text.str().find("terminal length 0") == std::string::npos);
  check_ping(bench);
}

TEST_CASE("logins that lead nowhere say why") {
  SUBCASE("no prompt") {
    DriverLab bench;
    bench.channel.say("Please stand by\r\n");
    bench.channel.on_write = [](std::string_view) {};
    const auto result = bench.login(700ms);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::no_prompt);
    CHECK(result.error().text.find("bj-edge-1 (192.0.2.1:22): no prompt came") == 0);
    CHECK(result.error().text.find("Please stand by") != std::string::npos);
  }
  SUBCASE("silence, counted by the read timeout") {
    DriverLab bench;
    bench.settings.read_timeout = 150ms;
    bench.channel.on_write = [](std::string_view) {};
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::no_prompt);
  }
  SUBCASE("no free line, and the session stays open") {
    DriverLab bench;
    bench.channel.say("% Session limit reached\r\n");
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::session_limit);
  }
  SUBCASE("no free line, and the router closes") {
    DriverLab bench;
    bench.channel.say("All lines busy: no free line\r\n");
    bench.channel.end();
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::session_limit);
  }
  SUBCASE("closed") {
    DriverLab bench;
    bench.channel.say("Account expired\r\n");
    bench.channel.end();
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::closed);
    CHECK(result.error().phase == Phase::prompt);
    CHECK(result.error().text.find("Account expired") != std::string::npos);
  }
  SUBCASE("a second password") {
    DriverLab bench;
    bench.channel.say("\r\nUser Access Verification\r\n\r\nPassword: ");
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::no_way_in);
  }
  SUBCASE("a limit that is only mentioned is none") {
    DriverLab bench;
    bench.router.greet("Session limit reached yesterday\r\n");
    CHECK(bench.login());
  }
  SUBCASE("endless banner") {
    DriverLab bench;
    bench.channel.endless = true;
    const auto result = bench.login(200ms);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::no_prompt);
  }
}

}  // namespace linewatch::connection
