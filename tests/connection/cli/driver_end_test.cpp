// Commands that do not end by themselves, recovery, health checks and the logout.

#include <doctest/doctest.h>

#include <string>

#include "connection/pool/policy.hpp"
#include "tests/connection/cli/driver_lab.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::check_ping;
using test::DriverLab;
using test::run_on;

}  // namespace

TEST_CASE("endless output is cut off with bounded memory, and the session recovers") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["chargen"] = [&] { bench.channel.endless = true; };
  bench.router.actions["^C"] = [&] {
    bench.channel.endless = false;
    bench.router.say("^C\r\n" + bench.router.prompt);
  };
  Command what;
  what.text = "chargen";
  what.output_limit = 10'000;
  const auto output = bench.command(what);
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::output_limit);
  CHECK(bench.channel.read_total < 20'000);
  CHECK(bench.driver().dirty());
  CHECK_FALSE(bench.command("ping 192.0.2.9"));  // not before it is clean again
  const auto recovered = run_on(bench.loop, bench.driver().recover(Context().within(5s)));
  REQUIRE_MESSAGE(recovered.has_value(), recovered.error().text);
  CHECK_FALSE(bench.driver().dirty());
  check_ping(bench);
}

TEST_CASE("recovery ends at its limit when the output does not") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["hang"] = [] {};
  REQUIRE_FALSE(bench.command(Command{.text = "hang"}, Context().within(10ms)));
  bench.channel.endless = true;
  ErrorCode expected = ErrorCode::deadline;
  SUBCASE("no prompt in it") {
    bench.router.actions["^C"] = [] {};
  }
  SUBCASE("prompts in it") {
    expected = ErrorCode::output_limit;
  }
  const auto recovered = run_on(bench.loop, bench.driver().recover(Context().within(200ms)));
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().code == expected);
  CHECK(recovered.error().phase == Phase::recover);
  CHECK(bench.driver().dirty());
}

TEST_CASE("recovery swallows the prompt of the command that ended just then") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["^C"] = [&] { bench.router.say("late\r\nbj-edge-1#\r\n^C\r\nbj-edge-1#"); };
  for (const std::size_t piece : {1UL, 4096UL}) {
    bench.channel.piece = piece;
    REQUIRE(run_on(bench.loop, bench.driver().recover(Context().within(5s))));
    check_ping(bench);
  }
}

TEST_CASE("recovery types an interrupt again that the router lost") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["hang"] = [] {};
  REQUIRE_FALSE(bench.command(Command{.text = "hang"}, Context().within(10ms)));
  int interrupts = 0;
  bench.router.actions["^C"] = [&] {
    if (++interrupts == 2) bench.router.say("^C\r\n" + bench.router.prompt);
  };
  REQUIRE(run_on(bench.loop, bench.driver().recover(Context().within(30s))));
  CHECK(interrupts == 2);
  check_ping(bench);
}

TEST_CASE("the pool's time for a recovery allows a second interrupt and the empty line behind it") {
  CHECK(PoolPolicy{}.recover_timeout >= 2 * Patience{}.interrupt + 1s);
}

TEST_CASE("a command ends with its own time limit and with its caller's stop") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["hang"] = [] {};
  Command what;
  what.text = "hang";
  SUBCASE("deadline") {
    const auto output = bench.command(what, Context().within(50ms));
    REQUIRE_FALSE(output);
    CHECK(output.error().code == ErrorCode::deadline);
    CHECK(output.error().text.find("\"hang\"") != std::string::npos);
  }
  SUBCASE("deadline in the middle of endless output") {
    bench.router.actions["hang"] = [&] { bench.channel.endless = true; };
    what.output_limit = 1UL << 30;
    const auto output = bench.command(what, Context().within(100ms));
    REQUIRE_FALSE(output);
    CHECK(output.error().code == ErrorCode::deadline);
    bench.channel.endless = false;
  }
  SUBCASE("stop") {
    std::stop_source stop;
    bench.router.actions["hang"] = [&] { boost::asio::post(bench.loop, [&] { stop.request_stop(); }); };
    const auto output = bench.command(what, Context().stopped_by(stop.get_token()));
    REQUIRE_FALSE(output);
    CHECK(output.error().code == ErrorCode::cancelled);
  }
  SUBCASE("closed in mid-command") {
    bench.router.actions["hang"] = [&] { bench.channel.end(); };
    const auto output = bench.command(what);
    REQUIRE_FALSE(output);
    CHECK(output.error().code == ErrorCode::closed);
    return;
  }
  CHECK(bench.driver().dirty());
  REQUIRE(run_on(bench.loop, bench.driver().recover(Context().within(5s))));
  check_ping(bench);
}

TEST_CASE("a stop before the first octet leaves the session clean") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  std::stop_source stop;
  stop.request_stop();
  Command what;
  what.text = "ping 192.0.2.9";
  const auto output = bench.command(what, Context().stopped_by(stop.get_token()));
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::cancelled);
  CHECK_FALSE(bench.driver().dirty());
  CHECK(bench.channel.written.find("ping") == std::string::npos);
}

TEST_CASE("what is no single line of text is not typed") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  for (const char* text : {"", "ping 1\nreload", "ping\x03", "a\rb"}) {
    const auto output = bench.command(std::string(text));
    REQUIRE_FALSE(output);
    CHECK_FALSE(bench.driver().dirty());
  }
  CHECK(bench.channel.written == "\nterminal length 0\n");
}

namespace {

struct ThirdReply : OutputWatcher {  // asks for the interrupt once it has seen three replies
  int looked = 0;
  Advice look(std::string_view output, TimePoint now) override {
    ++looked;
    Advice advice;
    advice.interrupt = output.find("seq=3") != std::string_view::npos;
    advice.look_again = now + 5ms;
    return advice;
  }
};

}  // namespace

TEST_CASE("a watcher ends what never ends by itself, and is asked while nothing comes") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["ping forever"] = [&] {
    bench.router.say("seq=1\r\n");
    bench.channel.say_after(30ms, "seq=2\r\nseq=3\r\n");
  };
  bench.router.actions["^C"] = [&] { bench.router.say("^C\r\n3 packets\r\n" + bench.router.prompt); };
  ThirdReply watcher;
  Command what;
  what.text = "ping forever";
  what.watcher = &watcher;
  const auto output = bench.command(what);
  REQUIRE(output);
  CHECK(output->interrupted);
  CHECK(output->text == "seq=1\nseq=2\nseq=3\n^C\n3 packets\n");
  CHECK(watcher.looked > 3);
  CHECK(std::ranges::count(bench.channel.written, '\x03') == 1);
  check_ping(bench);
}

TEST_CASE("a health check is an empty line to its prompt") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.channel.written.clear();
  REQUIRE(run_on(bench.loop, bench.driver().check(Context().within(5s))));
  CHECK(bench.channel.written == "\n");
  CHECK_FALSE(bench.driver().dirty());
  bench.channel.on_write = [](std::string_view) {};
  const auto dead = run_on(bench.loop, bench.driver().check(Context().within(50ms)));
  REQUIRE_FALSE(dead);
  CHECK(dead.error().code == ErrorCode::deadline);
  CHECK(dead.error().phase == Phase::check);
  CHECK(bench.driver().dirty());
}

TEST_CASE("logout types the profile's lines and waits for the router's close") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.channel.written.clear();
  bench.router.actions["exit"] = [&] {
    bench.router.say("bye\r\n");
    bench.channel.end();
  };
  run_on(bench.loop, bench.driver().logout(Context().within(5s)));
  CHECK(bench.channel.written == "exit\n");
  CHECK(bench.received.ends_with("bye\r\n"));
}

}  // namespace linewatch::connection
