// Single commands on channels of one connection, against a real sshd.

#include <doctest/doctest.h>
#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <stop_token>
#include <utility>

#include "connection/ssh/session_factory.hpp"
#include "tests/connection/cli/scripted_channel.hpp"
#include "tests/connection/ssh/lab.hpp"
#include "tests/connection/ssh/ssh_peer.hpp"
#include "tests/support/sshd.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using linewatch::test::Sshd;
using test::Lab;
using test::no_sshd;
using test::open_descriptors;
using test::run_on;
using test::SshPeer;
namespace asio = boost::asio;

Sshd::Options plain_shell(const std::string& extra = {}) {
  Sshd::Options options;
  options.command = "none";
  options.extra = extra;
  return options;
}

struct ExecLab : Lab {
  explicit ExecLab(const Sshd& sshd) : Lab(sshd) {
    auto platform = test::shell_platform();
    platform->cli.setup = {"export LC_ALL=C", "unset HISTFILE", "export PATH=$PATH:/none"};
    access.platform = platform;
    access.use = RouterAccess::Use::exec;
  }
};

// Interrupts when it has seen enough.
struct Enough : OutputWatcher {
  std::string sign;
  Advice look(std::string_view output, TimePoint) override {
    return {.interrupt = output.find(sign) != std::string_view::npos};
  }
};

// Interrupts by the clock, though nothing comes.
struct Later : OutputWatcher {
  TimePoint when = Clock::now() + 50ms;
  Advice look(std::string_view, TimePoint now) override {
    if (now >= when) return {.interrupt = true};
    return {.look_again = when};
  }
};

Result<CommandOutput> watched(Lab& lab, Session& session, std::string text, OutputWatcher& watcher) {
  Command what;
  what.text = std::move(text);
  what.watcher = &watcher;
  return run_on(lab.loop, session.run(Context().within(30s), std::move(what)));
}

}  // namespace

TEST_CASE("exec: commands one after the other on one connection, both outputs, no terminal") {
  if (no_sshd()) return;
  const Sshd sshd(plain_shell("MaxSessions 2\nAcceptEnv LC_ALL"));
  ExecLab lab(sshd);
  std::string trace;
  lab.trace = [&](TraceDirection, std::string_view text) { trace += text; };
  auto session = lab.login();
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  for (int i = 0; i < 20; ++i) {
    const auto output = lab.command(**session, "echo one; echo two >&2; exit 3");
    REQUIRE_MESSAGE(output.has_value(), output.error().text);
    CHECK(output->text.size() == 8);
    CHECK(output->text.find("one\n") != std::string::npos);
    CHECK(output->text.find("two\n") != std::string::npos);
    CHECK_FALSE(output->interrupted);
    CHECK_FALSE((*session)->dirty());
  }
  CHECK(lab.command(**session, "tty")->text == "not a tty\n");
  CHECK(lab.command(**session, "echo $LC_ALL")->text == "C\n");  // as the profile's set-up line says
  CHECK(lab.command(**session, "true")->text.empty());
  CHECK(lab.command(**session, "printf 'a\\r\\nb'")->text == "a\nb");
  const auto large = lab.command(**session, "seq 1 20000");
  REQUIRE(large);
  CHECK(large->text.size() == 108894);
  CHECK(run_on(lab.loop, (*session)->check(Context().within(10s))));
  CHECK(run_on(lab.loop, (*session)->check(Context().within(10s))));
  CHECK(trace.find("seq 1 20000\n") != std::string::npos);
  CHECK(sshd.connections().size() == 1);
  run_on(lab.loop, (*session)->close(Context().within(10s)));
  CHECK_FALSE((*session)->alive());
}

TEST_CASE("exec: a variable that the router does not take is passed over") {
  if (no_sshd()) return;
  const Sshd sshd(plain_shell());
  ExecLab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  CHECK(lab.command(**session, "echo -n ${LC_ALL}; echo still")->text == "still\n");
}

TEST_CASE("exec: a watcher ends a command that never ends, by a signal") {
  const SshPeer peer;
  Lab lab(peer.port());
  lab.with_password("netmon", "right");
  lab.access.use = RouterAccess::Use::exec;
  auto session = lab.login();
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  Enough enough;
  enough.sign = "begun\n";
  const auto ended = watched(lab, **session, "endless", enough);
  REQUIRE_MESSAGE(ended.has_value(), ended.error().text);
  CHECK(ended->interrupted);
  CHECK(ended->text == "begun\nINT\n");  // what it says at its end is read, too
  CHECK_FALSE((*session)->dirty());
}

TEST_CASE("exec: a command that was cut off ends by a signal, and the session goes on") {
  const SshPeer peer;
  Lab lab(peer.port());
  lab.with_password("netmon", "right");
  lab.access.use = RouterAccess::Use::exec;
  auto session = lab.login();
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  const auto late = lab.command(**session, "endless", 300ms);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::deadline);
  CHECK(late.error().phase == Phase::read);
  CHECK((*session)->dirty());
  CHECK_FALSE(lab.command(**session, "hello"));
  REQUIRE(run_on(lab.loop, (*session)->recover(Context().within(10s))));
  CHECK_FALSE((*session)->dirty());
  CHECK(lab.command(**session, "hello")->text == "you ran hello\n");
}

TEST_CASE("exec: a command that knows no signals is left, and the session goes on") {
  if (no_sshd()) return;
  const Sshd sshd(plain_shell());  // which passes no signals on in a session of root's
  ExecLab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  Enough enough;
  enough.sign = "3\n";
  const auto left = watched(lab, **session, "i=0; while sleep 0.02; do i=$((i+1)); echo $i; done", enough);
  REQUIRE_MESSAGE(left.has_value(), left.error().text);
  CHECK(left->interrupted);
  CHECK(left->text.starts_with("1\n2\n3\n"));
  CHECK_FALSE((*session)->dirty());
  CHECK(lab.command(**session, "echo next")->text == "next\n");
  Later later;
  const auto silent = watched(lab, **session, "echo begun; sleep 30", later);
  REQUIRE_MESSAGE(silent.has_value(), silent.error().text);
  CHECK(silent->interrupted);
  CHECK(silent->text == "begun\n");
}

TEST_CASE(
    "exec: a command without end is cut off by its limits, and one that cannot be ended is not handed on") {
  if (no_sshd()) return;
  const Sshd sshd(plain_shell());
  ExecLab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  const auto flood = lab.command(**session, "yes 0123456789012345678901234567890123456789");
  REQUIRE_FALSE(flood);
  CHECK(flood.error().code == ErrorCode::output_limit);
  CHECK((*session)->dirty());
  const auto recovered = run_on(lab.loop, (*session)->recover(Context().within(10s)));
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().phase == Phase::recover);
  CHECK((*session)->dirty());
  CHECK_FALSE(lab.command(**session, "echo no"));
  run_on(lab.loop, (*session)->close(Context().within(10s)));
}

TEST_CASE("exec: a server that is gone, silent or full") {
  if (no_sshd()) return;
  const Sshd sshd(plain_shell());
  ExecLab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  auto serving = sshd.connections();
  // On a busy machine the process that authenticated may not have ended yet.
  for (int looks = 0; serving.size() != 1 && looks < 1000; ++looks) {
    lab.loop.restart();
    lab.loop.run_for(10ms);
    serving = sshd.connections();
  }
  REQUIRE(serving.size() == 1);
  SUBCASE("gone in mid-command") {
    const auto gone = lab.command(**session, "kill -9 $PPID; sleep 2");
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == ErrorCode::closed);
    CHECK(gone.error().phase == Phase::read);
    CHECK_FALSE((*session)->alive());
  }
  SUBCASE("gone while idle: nothing was typed") {
    ::kill(serving[0], SIGKILL);
    const auto limit = Clock::now() + 20s;
    while ((*session)->alive() && Clock::now() < limit) {
    }
    CHECK_FALSE((*session)->alive());
    const auto gone = lab.command(**session, "echo no");
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == ErrorCode::closed);
    CHECK(gone.error().phase == Phase::write);
    CHECK_FALSE(run_on(lab.loop, (*session)->check(Context().within(10s))));
  }
  SUBCASE("silent") {
    ::kill(serving[0], SIGSTOP);
    const auto silent = run_on(lab.loop, (*session)->check(Context().within(300ms)));
    REQUIRE_FALSE(silent);
    CHECK(silent.error().code == ErrorCode::deadline);
    CHECK(silent.error().phase == Phase::check);
    ::kill(serving[0], SIGCONT);
  }
}

TEST_CASE("exec: a router that opens no channel") {
  if (no_sshd()) return;
  const Sshd sshd(plain_shell("MaxSessions 0"));
  ExecLab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  for (int i = 0; i < 2; ++i) {
    const auto refused = lab.command(**session, "echo no");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::protocol);
    CHECK(refused.error().phase == Phase::channel);
    REQUIRE(run_on(lab.loop, (*session)->recover(Context().within(10s))));
  }
}

TEST_CASE("exec: a hundred commands cut off anywhere leave no descriptor behind") {
  if (no_sshd()) return;
  const Sshd sshd(plain_shell());
  ExecLab lab(sshd);
  std::unique_ptr<Session> session;
  const auto renew = [&] {
    session.reset();
    auto made = lab.login();
    REQUIRE(made);
    session = std::move(*made);
  };
  renew();
  const int before = open_descriptors();
  int finished = 0;
  for (int i = 0; i < 100; ++i) {
    std::stop_source stop;
    asio::steady_timer timer(lab.loop, std::chrono::microseconds(100 * i));
    timer.async_wait([stop](boost::system::error_code) mutable { stop.request_stop(); });
    Command what;
    what.text = "echo hello";
    const auto output =
        run_on(lab.loop, session->run(Context().within(30s).stopped_by(stop.get_token()), std::move(what)));
    if (output) ++finished;
    if (output) CHECK(output->text == "hello\n");
    if (!output) CHECK(output.error().code == ErrorCode::cancelled);
    if (session->dirty() && !run_on(lab.loop, session->recover(Context().within(10s)))) renew();
  }
  CHECK(open_descriptors() == before);
  CHECK(finished < 100);
}

}  // namespace linewatch::connection
