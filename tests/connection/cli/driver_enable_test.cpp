// From a session without rights to one with them, and the second login that some devices ask for.

#include <doctest/doctest.h>

#include "tests/connection/cli/driver_lab.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;

// A router that begins at "r1>" and asks for a password before it gives "r1#".
struct Bench : test::DriverLab {
  Bench() : DriverLab("r1>") {
    platform->cli.setup.clear();
    platform->cli.enable =
        config::Enable{"enable", config::Pattern("[Pp]assword: ?$"), config::Pattern("# ?$")};
    settings.label = "r1 (192.0.2.1:22)";
    settings.read_timeout = 2s;
    router.actions["enable"] = [this] { ask(); };
  }
  void ask() {
    router.say("Password: ");
    router.echo = false;
    router.actions[password] = [this] {
      router.echo = true;
      router.prompt = "r1#";
      router.say("\r\nr1#");
    };
    router.actions["wrong"] = [this] {
      router.echo = true;
      router.say("\r\n" + after_wrong);
    };
  }
  std::string traced() const { return sent + received + notes; }

  std::string password = "s3same-0pen", after_wrong = "% Bad secrets\r\n\r\nr1>";
};

}  // namespace

TEST_CASE("a session without rights is given them, and the prompt is learned anew") {
  for (const std::size_t piece : {1UL, 4096UL}) {
    CAPTURE(piece);
    Bench bench;
    bench.channel.piece = piece;
    bench.settings.enable_password = config::Secret(bench.password);
    bench.router.greet("\r\n");
    const auto done = bench.login();
    REQUIRE_MESSAGE(done.has_value(), done.error().text);
    CHECK(bench.driver().prompt() == "r1#");
    CHECK(bench.driver().privileged());
    CHECK(bench.channel.written.find(bench.password) != std::string::npos);
    CHECK(bench.traced().find(bench.password) == std::string::npos);
    CHECK(bench.traced().find("********") != std::string::npos);
    bench.router.answers["show clock"] = "12:00\r\n";
    CHECK(bench.command("show clock")->text == "12:00\n");
  }
}

TEST_CASE("a device that echoes the password shows it in no trace") {
  Bench bench;
  bench.settings.enable_password = config::Secret(bench.password);
  bench.router.actions["enable"] = [&] {
    bench.ask();
    bench.router.echo = true;
  };
  bench.router.greet("\r\n");
  REQUIRE(bench.login());
  CHECK(bench.traced().find(bench.password) == std::string::npos);
}

TEST_CASE("without an enable_password, or with its rights already, nothing is typed") {
  Bench bench;
  bench.router.greet("\r\n");
  REQUIRE(bench.login());
  CHECK_FALSE(bench.driver().privileged());
  CHECK(bench.channel.written.find("enable") == std::string::npos);

  Bench other;
  other.settings.enable_password = config::Secret("anything");
  other.router.prompt = "r1#";
  other.router.greet("\r\n");
  REQUIRE(other.login());
  CHECK(other.driver().privileged());
  CHECK(other.channel.written.find("enable") == std::string::npos);
}

TEST_CASE("what was refused is said in the router's words") {
  Bench bench;
  bench.settings.enable_password = config::Secret("wrong");
  bench.router.greet("\r\n");
  const auto done = bench.login();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == ErrorCode::authentication);
  CHECK(done.error().text == "r1 (192.0.2.1:22): \"enable\" was refused: \"% Bad secrets\"");
}

TEST_CASE("a password that is asked for again was not right, and is not tried again") {
  Bench bench;
  bench.settings.enable_password = config::Secret("wrong");
  bench.after_wrong = "Password: ";
  bench.router.greet("\r\n");
  const auto done = bench.login();
  REQUIRE_FALSE(done);
  CHECK(done.error().text == "r1 (192.0.2.1:22): \"enable\" was refused: the enable_password is not right");
  CHECK(bench.channel.written.find("wrong") == bench.channel.written.rfind("wrong"));
}

TEST_CASE("a router that does not know the command, or says nothing, is an error that tells so") {
  Bench bench;
  bench.settings.enable_password = config::Secret("x");
  bench.router.actions["enable"] = [&] { bench.router.say("% Unknown command\r\nr1>"); };
  bench.router.greet("\r\n");
  const auto refused = bench.login();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.ends_with("\"enable\" was refused: \"% Unknown command\""));
  CHECK(refused.error().code == ErrorCode::no_way_in);  // no secret was rejected

  Bench silent;
  silent.settings.enable_password = config::Secret("x");
  silent.settings.read_timeout = 150ms;
  silent.router.actions["enable"] = [] {};
  silent.router.greet("\r\n");
  const auto nothing = silent.login();
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().text.ends_with("neither a question nor a prompt after \"enable\""));
}

TEST_CASE("a flood behind the command ends with the time limit") {
  Bench bench;
  bench.settings.enable_password = config::Secret(bench.password);
  bench.settings.read_timeout = 100ms;
  bench.router.actions["enable"] = [&] { bench.channel.endless = true; };
  bench.router.greet("\r\n");
  const auto done = bench.login();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == ErrorCode::deadline);
  CHECK(done.error().phase == Phase::setup);
}

TEST_CASE("a logout that comes back to the login is at its end") {
  Bench bench;
  bench.platform->cli.enable.reset();
  bench.platform->cli.questions = {{config::Pattern("User: ?$"), "{username}\n"}};
  bench.router.greet("\r\n");
  REQUIRE(bench.login());
  for (const std::string& line : bench.platform->cli.logout)
    bench.router.actions[line] = [&] { bench.router.say("\r\nUser: "); };
  test::run_on(bench.loop, bench.driver().logout(Context().within(5s)));
  CHECK(bench.channel.written.find('{') == std::string::npos);
}

TEST_CASE("a second login inside the session is answered once") {
  for (const bool right : {true, false}) {
    CAPTURE(right);
    Bench bench;
    bench.platform->cli.enable.reset();
    bench.platform->cli.questions = {{config::Pattern("^User: ?$"), "{username}\n"},
                                     {config::Pattern("^Password: ?$"), "{password}\n"}};
    bench.settings.username = "netmon";
    bench.settings.password = config::Secret(bench.password);
    bench.router.echo = false;
    bench.router.actions["netmon"] = [&] { bench.router.say("netmon\r\nPassword: "); };
    bench.router.actions[bench.password] = [&] {
      bench.router.echo = right;
      bench.router.say(right ? "\r\nr1>" : "\r\nUser: ");
    };
    bench.channel.say("\r\nUser: ");
    const auto done = bench.login();
    CHECK(done.has_value() == right);
    if (!right) CHECK(done.error().code == ErrorCode::authentication);
    CHECK(bench.traced().find(bench.password) == std::string::npos);
    CHECK(bench.channel.written.find(bench.password) == bench.channel.written.rfind(bench.password));
  }
}

}  // namespace linewatch::connection
