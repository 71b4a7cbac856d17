#include "connection/cli/driver.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "tests/connection/cli/scripted_channel.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using test::run_on;
using test::ScriptedChannel;
using test::ScriptedRouter;

const std::string ping_answer =
    "Type escape sequence to abort.\r\n"
    "Sending 5, 100-byte ICMP Echos to 192.0.2.9, timeout is 2 seconds:\r\n"
    "!!!!!\r\n"
    "Success rate is 100 percent (5/5), round-trip min/avg/max = 1/2/4 ms\r\n";

std::string plain(std::string text) {
  std::erase(text, '\r');
  return text;
}

std::shared_ptr<config::Platform> cisco() {
  auto platform = std::make_shared<config::Platform>();
  config::CliProfile& cli = platform->cli;
  platform->name = "cisco";
  cli.prompt = config::Pattern(R"(^[\w.\-@/:]{1,63}(\([\w.\-]{0,32}\))?[>#]\s*$)");
  cli.setup = {"terminal length 0"};
  cli.pagers.push_back({config::Pattern("--More--"), " "});
  cli.questions.push_back({config::Pattern(R"(Change now\? \[Y/N\]:)"), "N\n"});
  cli.rejections = {config::Pattern("^% Invalid input")};
  cli.session_limits = {config::Pattern("(?i)no free line|session limit reached")};
  cli.logout = {"exit"};
  return platform;
}

// A driver, its router and the loop; short silences, so that the odd cases are quick.
struct Bench {
  explicit Bench(std::string prompt = "bj-edge-1#") : router(channel, std::move(prompt)) {
    settings.label = "bj-edge-1 (192.0.2.1:22)";
    settings.platform = platform;
    settings.read_timeout = 5s;
    settings.patience = {.settle = 40ms,
                         .knock = 80ms,
                         .suspect = 60ms,
                         .no_echo = 40ms,
                         .late_echo = 400ms,
                         .interrupt = 100ms};
    settings.trace = [this](TraceDirection direction, std::string_view bytes) {
      (direction == TraceDirection::sent ? sent : received) += bytes;
    };
    const auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(log_text);
    settings.log = std::make_shared<spdlog::logger>("test", sink);
  }

  Driver& driver() {
    if (!made) made = std::make_unique<Driver>(channel, settings);
    return *made;
  }
  Result<void> login(Clock::duration limit = 10s) {
    return run_on(loop, driver().login(Context().within(limit)));
  }
  Result<CommandOutput> command(Command what, Context ctx = Context().within(10s)) {
    return run_on(loop, driver().run(std::move(ctx), std::move(what)));
  }
  Result<CommandOutput> command(std::string text) {
    Command what;
    what.text = std::move(text);
    return command(std::move(what));
  }

  boost::asio::io_context loop;
  ScriptedChannel channel{loop};
  ScriptedRouter router;
  std::shared_ptr<config::Platform> platform = cisco();
  DriverSettings settings;
  std::string sent, received;
  std::ostringstream log_text;
  std::unique_ptr<Driver> made;
};

void check_ping(Bench& bench) {
  bench.router.answers["ping 192.0.2.9"] = ping_answer;
  const auto output = bench.command("ping 192.0.2.9");
  REQUIRE_MESSAGE(output.has_value(), output.error().text);
  CHECK(output->text == plain(ping_answer));
  CHECK_FALSE(bench.driver().dirty());
}

}  // namespace

TEST_CASE("a command comes back without its echo and its prompt, whatever the pieces") {
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL, 64UL, 4096UL}) {
    CAPTURE(piece);
    Bench bench;
    bench.channel.piece = piece;
    bench.router.greet("\r\nWelcome to the lab\r\n\r\n");
    REQUIRE(bench.login());
    CHECK(bench.driver().prompt() == "bj-edge-1#");
    CHECK(bench.channel.written == "\nterminal length 0\n");
    check_ping(bench);
    check_ping(bench);
  }
}

TEST_CASE("a banner with lines like prompts is no prompt") {
  const std::string lines[] = {"#############\r\n# only for #\r\n", "router#\r\n", "see bj-edge-9>",
                               "bj-edge-9>"};
  for (const std::string& line : lines) {
    for (const std::size_t piece : {1UL, 4096UL}) {
      CAPTURE(line);
      CAPTURE(piece);
      Bench bench;
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
  Bench bench;
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
  Bench bench;
  bench.channel.say("Press RETURN to get started.\r\n");
  REQUIRE(bench.login());
  check_ping(bench);
}

TEST_CASE("a question at login is answered as the profile says") {
  Bench bench;
  bench.channel.say("Warning: the password expires soon.\r\nChange now? [Y/N]:");
  bench.router.answers["N"] = "\r\nInfo: kept.\r\n";
  REQUIRE(bench.login());
  CHECK(bench.channel.written.starts_with("N\n"));
  check_ping(bench);
}

TEST_CASE("a set-up command that is rejected is logged, and that is all") {
  Bench bench;
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
    Bench bench;
    bench.channel.say("Please stand by\r\n");
    bench.channel.on_write = [](std::string_view) {};
    const auto result = bench.login(700ms);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::no_prompt);
    CHECK(result.error().text.find("bj-edge-1 (192.0.2.1:22): no prompt came") == 0);
    CHECK(result.error().text.find("Please stand by") != std::string::npos);
  }
  SUBCASE("silence, counted by the read timeout") {
    Bench bench;
    bench.settings.read_timeout = 150ms;
    bench.channel.on_write = [](std::string_view) {};
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::no_prompt);
  }
  SUBCASE("no free line, and the session stays open") {
    Bench bench;
    bench.channel.say("% Session limit reached\r\n");
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::session_limit);
  }
  SUBCASE("no free line, and the router closes") {
    Bench bench;
    bench.channel.say("All lines busy: no free line\r\n");
    bench.channel.end();
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::session_limit);
  }
  SUBCASE("closed") {
    Bench bench;
    bench.channel.say("Account expired\r\n");
    bench.channel.end();
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::closed);
    CHECK(result.error().phase == Phase::prompt);
    CHECK(result.error().text.find("Account expired") != std::string::npos);
  }
  SUBCASE("a second password") {
    Bench bench;
    bench.channel.say("\r\nUser Access Verification\r\n\r\nPassword: ");
    const auto result = bench.login();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::authentication);
  }
  SUBCASE("a limit that is only mentioned is none") {
    Bench bench;
    bench.router.greet("Session limit reached yesterday\r\n");
    CHECK(bench.login());
  }
  SUBCASE("endless banner") {
    Bench bench;
    bench.channel.endless = true;
    const auto result = bench.login(200ms);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::no_prompt);
  }
}

TEST_CASE("echoes that are redrawn, padded, titled, scrolled or missing are understood") {
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
    Bench bench;
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
  Bench bench;
  bench.router.greet("");
  REQUIRE(bench.login());
  bench.router.prompt = "sh-edge-7#";
  check_ping(bench);
  CHECK(bench.driver().prompt() == "sh-edge-7#");
  check_ping(bench);
}

TEST_CASE("endless output is cut off with bounded memory, and the session recovers") {
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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

TEST_CASE("a command ends with its own time limit and with its caller's stop") {
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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
  Bench bench;
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

TEST_CASE("a secret command is traced neither as typed nor as echoed") {
  Bench bench;
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
