// Keys of a real ssh-agent, and an agent that is silent or not there.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

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
using test::SshPeer;
namespace asio = boost::asio;

struct AgentLab : Lab {
  explicit AgentLab(const Sshd& sshd) : Lab(sshd, test::Policy::off) {
    access.credentials[0].private_key = config::Secret();
    access.credentials[0].agent = true;
    path = (folder.path() / "agent").string();
    ::setenv("SSH_AUTH_SOCK", path.c_str(), 1);
  }
  ~AgentLab() {
    ::unsetenv("SSH_AUTH_SOCK");
    if (pid > 0) ::kill(pid, SIGTERM);
  }
  void run_agent() {
    std::FILE* const out = ::popen(("/usr/bin/ssh-agent -s -a " + path).c_str(), "r");
    char line[256] = {};
    while (std::fgets(line, sizeof line, out) != nullptr) {
      if (const char* const at = std::strstr(line, "SSH_AGENT_PID=")) pid = std::atoi(at + 14);
    }
    ::pclose(out);
    REQUIRE(pid > 0);
  }
  void add(const Sshd& sshd) {
    const auto key = folder.path() / "key";
    std::filesystem::remove(key);
    linewatch::test::write_text(key, sshd.client_key());
    std::filesystem::permissions(key, std::filesystem::perms::owner_read);
    REQUIRE(std::system(("/usr/bin/ssh-add -q " + key.string()).c_str()) == 0);
  }

  std::string path;
  pid_t pid = -1;
};

}  // namespace

TEST_CASE("ssh-agent: its keys log in, and those the router does not want are a rejection") {
  if (no_sshd()) return;
  const Sshd sshd, other;
  AgentLab lab(sshd);
  lab.run_agent();
  const auto none = lab.login();
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ErrorCode::unreachable);  // nothing was asked of the router: no rejection
  CHECK(none.error().text.ends_with(": the SSH agent has no keys"));
  lab.add(other);
  const auto rejected = lab.login();
  REQUIRE_FALSE(rejected);
  CHECK(rejected.error().code == ErrorCode::authentication);
  CHECK(rejected.error().text.ends_with(": the router rejected the agent's keys of root"));
  lab.add(sshd);
  auto session = lab.login();
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  CHECK(lab.command(**session, "echo hello")->text == "hello\n");
}

TEST_CASE("ssh-agent: one that is not there is no rejection of the account") {
  if (no_sshd()) return;
  const Sshd sshd;
  AgentLab lab(sshd);
  const auto failed = lab.login();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::unreachable);
  CHECK(failed.error().text.find("SSH agent cannot be reached: " + lab.path) != std::string::npos);
}

TEST_CASE("ssh-agent: what stands beside one that is not there is tried all the same") {
  if (no_sshd()) return;
  const Sshd sshd, other;
  AgentLab lab(sshd);
  SUBCASE("a password that is right") {
    SshPeer::Options options;
    options.methods = SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_PUBLICKEY;
    const SshPeer peer(options);
    lab.access.port = peer.port();
    lab.access.credentials[0].username = "netmon";
    lab.access.credentials[0].password = config::Secret("right");
    const auto session = lab.login();
    CHECK_MESSAGE(session.has_value(), session.error().text);
  }
  SUBCASE("a key that is right") {
    lab.access.credentials[0].private_key = config::Secret(sshd.client_key());
    const auto session = lab.login();
    CHECK_MESSAGE(session.has_value(), session.error().text);
  }
  SUBCASE("a key that is rejected counts as such") {
    lab.access.credentials[0].private_key = config::Secret(other.client_key());
    const auto rejected = lab.login();
    REQUIRE_FALSE(rejected);
    CHECK(rejected.error().code == ErrorCode::authentication);
    CHECK(rejected.error().text.ends_with(
        ": the router rejected the key of root; the SSH agent cannot be reached: " + lab.path +
        ": No such file or directory"));
  }
}

TEST_CASE("ssh-agent: a silent one stalls nobody, and is given up at the time limit and by a stop") {
  if (no_sshd()) return;
  const Sshd sshd;
  AgentLab lab(sshd);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, lab.path.c_str());
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener, 16) == 0);
  int after_first = 0;
  for (const bool by_stop : {false, true}) {
    CAPTURE(by_stop);
    int ticks = 0;
    asio::steady_timer ticker(lab.loop);
    std::stop_source stop;
    const auto tick = [&](auto& again) -> void {  // the loop goes on
      ticker.expires_after(10ms);
      ticker.async_wait([&](boost::system::error_code) {
        if (++ticks == 40 && by_stop) stop.request_stop();
        if (ticks < 60) again(again);
      });
    };
    tick(tick);
    const auto failed =
        lab.login(Context().within(by_stop ? 30s : Clock::duration(800ms)).stopped_by(stop.get_token()));
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == (by_stop ? ErrorCode::cancelled : ErrorCode::deadline));
    CHECK(failed.error().text.find("SSH agent") != std::string::npos);
    CHECK(ticks == 60);
    if (after_first == 0) after_first = open_descriptors();  // the loop's own are among them now
  }
  CHECK(open_descriptors() == after_first);
  ::close(listener);
}

}  // namespace linewatch::connection
