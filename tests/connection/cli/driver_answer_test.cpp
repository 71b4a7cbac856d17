// From the echo to the prompt: the answer, the whole answer and nothing else.

#include <doctest/doctest.h>

#include <string>

#include "tests/connection/cli/driver_lab.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::check_ping;
using test::DriverLab;
using test::ping_answer;
using test::plain;

}  // namespace

TEST_CASE("a command comes back without its echo and its prompt, whatever the pieces") {
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL, 64UL, 4096UL}) {
    CAPTURE(piece);
    DriverLab bench;
    bench.channel.piece = piece;
    bench.router.greet("\r\nWelcome to the lab\r\n\r\n");
    REQUIRE(bench.login());
    CHECK(bench.driver().prompt() == "bj-edge-1#");
    CHECK(bench.channel.written == "\nterminal length 0\n");
    check_ping(bench);
    check_ping(bench);
  }
}

TEST_CASE("echoes that are redrawn, padded, titled, scrolled or missing are understood") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  SUBCASE("by octet with CR and padding, and a title") {
    bench.router.draw_echo = [](const std::string& line) {
      std::string drawn;
      for (std::size_t i = 1; i <= line.size(); ++i)
        drawn +=
            "\rbj-edge-1#" + line.substr(0, i) + std::string(10, ' ') + "\rbj-edge-1#" + line.substr(0, i);
      return drawn + "\x1b]0;bj-edge-1\x07";
    };
    check_ping(bench);
  }
  SUBCASE("scrolled") {
    bench.router.draw_echo = [](const std::string& line) {
      return line.size() < 8 ? line : line + "\rbj-edge-1#$" + line.substr(6) + "\x1b[K";
    };
    check_ping(bench);
  }
  SUBCASE("wrapped") {
    bench.router.draw_echo = [](const std::string& line) {
      return line.size() < 8 ? line : line.substr(0, 8) + "\r\n" + line.substr(8);
    };
    check_ping(bench);
  }
  SUBCASE("backspaces") {
    bench.router.draw_echo = [](const std::string& line) { return "xyz\b\b\b\b\b\b" + line + "9\b \b"; };
    check_ping(bench);
  }
  SUBCASE("missing: a short silence decides") {
    bench.router.echo = false;
    check_ping(bench);
  }
}

TEST_CASE("a router that never echoes is worked with") {
  DriverLab bench;
  bench.router.echo = false;
  bench.platform->cli.prompt = config::Pattern(R"(^[\w\-]+#\s*$)");
  bench.channel.on_write = [&, normal = bench.channel.on_write](std::string_view bytes) {
    bench.channel.say("\r\n");
    normal(bytes);
  };
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.answers["ping 192.0.2.9"] = ping_answer;
  const auto output = bench.command("ping 192.0.2.9");
  REQUIRE(output);
  CHECK(output->text.find("Success rate is 100 percent (5/5)") != std::string::npos);
}

TEST_CASE("a pager is answered and leaves no trace") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  const std::string rub = "\b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\b";
  int page = 0;
  bench.router.actions["show pages"] = [&] { bench.router.say("page 1\r\n --More-- "); };
  bench.router.actions[" "] = [&] {
    bench.router.say(rub + "page " + std::to_string(++page + 1) + "\r\n");
    bench.router.say(page < 3 ? " --More-- " : bench.router.prompt);
  };
  for (const std::size_t piece : {4096UL, 1UL}) {
    page = 0;
    bench.channel.piece = piece;
    const auto output = bench.command("show pages");
    REQUIRE(output);
    CHECK(output->text == "page 1\npage 2\npage 3\npage 4\n");
  }
}

TEST_CASE("prompts inside an answer do not end it") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["show log"] = [&] {
    bench.router.say("user typed\r\nbj-edge-1#show\r\nother-router#");
    bench.channel.say_after(10ms, "\r\n[V200R009C00SPC500]\r\nlast line\r\n" + bench.router.prompt);
  };
  const auto output = bench.command("show log");
  REQUIRE(output);
  CHECK(output->text == "user typed\nbj-edge-1#show\nother-router#\n[V200R009C00SPC500]\nlast line\n");
}

TEST_CASE("a prompt that is printed twice ends one command, not two") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["show clock"] = [&] { bench.router.say("12:00\r\nbj-edge-1#\r\nbj-edge-1#"); };
  for (int i = 0; i < 3; ++i) {
    const auto output = bench.command("show clock");
    REQUIRE(output);
    CHECK(output->text == "12:00\n");
  }
  check_ping(bench);
}

TEST_CASE("late output is never taken for the next answer") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  SUBCASE("a late prompt that is there before the command") {
    bench.channel.say("\r\nbj-edge-1#");
    check_ping(bench);
  }
  SUBCASE("a late prompt between the command and its echo") {
    bench.channel.on_write = [&, normal = bench.channel.on_write](std::string_view bytes) {
      bench.channel.say("\r\nlate answer\r\nbj-edge-1#");
      bench.channel.say_after(10ms, "");
      normal(bytes);
    };
    bench.channel.piece = 1;
    check_ping(bench);
  }
  SUBCASE("a late prompt, then a pause, then the echo") {
    bench.channel.on_write = [&](std::string_view bytes) {
      bench.channel.say("late answer\r\nbj-edge-1#");
      bench.channel.say_after(100ms, std::string(bytes) + ping_answer + bench.router.prompt);
    };
    check_ping(bench);
  }
}

TEST_CASE("log lines behind the prompt do not hide it") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.actions["ping 192.0.2.9"] = [&] {
    bench.router.say(ping_answer + bench.router.prompt +
                     "\r\n%LINK-3-UPDOWN: Interface Gi0/1, changed state\r\n");
  };
  const auto output = bench.command("ping 192.0.2.9");
  REQUIRE(output);
  CHECK(output->text == plain(ping_answer));
}

TEST_CASE("noise of the platform is taken out, behind the prompt, too") {
  for (const std::size_t piece : {1UL, 7UL, 4096UL}) {
    DriverLab bench;
    bench.settings.patience.suspect = 30s;  // no silence is waited for
    bench.platform->cli.noise = {config::Pattern(R"(\d{4}/\d\d/\d\d [\d:]+ STARVATION: [^\n]*\n)")};
    bench.router.greet("");
    REQUIRE(bench.login());
    bench.channel.piece = piece;
    bench.router.actions["ping 192.0.2.9"] = [&] {
      bench.router.say("2026/11/21 07:58:24 STARVATION: a\r\n" + ping_answer + bench.router.prompt +
                       "2026/11/21 07:58:25 STARVATION: b\r\n");
    };
    for (int i = 0; i < 2; ++i) {
      const auto output = bench.command("ping 192.0.2.9");
      REQUIRE_MESSAGE(output.has_value(), output.error().text);
      CHECK(output->text == plain(ping_answer));
    }
  }
}

TEST_CASE("a router that was given another name is known by its new one") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.prompt = "sh-edge-7#";
  check_ping(bench);
  CHECK(bench.driver().prompt() == "sh-edge-7#");
  check_ping(bench);
}

TEST_CASE("a trace says what is waited for, and what was seen") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  CHECK(bench.notes.starts_with("waiting for a prompt: " + bench.platform->cli.prompt.text() +
                                "\nat the prompt \"bj-edge-1#\"\n"));
  bench.notes.clear();
  bench.router.actions["show pages"] = [&] { bench.router.say("page 1\r\n --More-- "); };
  bench.router.actions[" "] = [&] { bench.router.say("\r          \rpage 2\r\n" + bench.router.prompt); };
  REQUIRE(bench.command("show pages"));
  CHECK(bench.notes ==
        "waiting for the echo and the prompt \"bj-edge-1#\"\na pager: --More--\n"
        "at the prompt \"bj-edge-1#\" after an answer of 14 octets\n");
}

TEST_CASE("a secret command is traced neither as typed nor as echoed") {
  DriverLab bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  Command what;
  what.text = "enable s3cret";
  what.secret = true;
  REQUIRE(bench.command(what));
  CHECK(bench.sent.find("s3cret") == std::string::npos);
  CHECK(bench.received.find("s3cret") == std::string::npos);
  bench.router.actions["enable s3cret"] = [] {};
  const auto output = bench.command(what, Context().within(30ms));
  REQUIRE_FALSE(output);
  CHECK(output.error().text.find("s3cret") == std::string::npos);
}

}  // namespace linewatch::connection
