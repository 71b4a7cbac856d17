#include <doctest/doctest.h>

#include <libssh/libssh.h>

#include "tests/support/simulator_thread.hpp"

using namespace linewatch::sim;
using linewatch::test::SimulatorThread;
using namespace std::chrono_literals;

namespace {

RouterConfig router(const std::string& name, PlatformKind platform = PlatformKind::cisco_iosxe) {
  RouterConfig config;
  config.name = name;
  config.platform = platform;
  config.password = "secret";
  config.targets["*"].delay = 1ms;
  return config;
}

// A blocking client.
class Client {
 public:
  Client(const RouterInfo& router, const std::string& password, bool interactive = false)
      : session_(ssh_new()) {
    const bool no = false;
    const int yes = 1;
    const long seconds = 20;
    const unsigned int port = router.port;
    ssh_options_set(session_, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(session_, SSH_OPTIONS_NODELAY, &yes);
    ssh_options_set(session_, SSH_OPTIONS_HOST, router.address.c_str());
    ssh_options_set(session_, SSH_OPTIONS_PORT, &port);
    ssh_options_set(session_, SSH_OPTIONS_USER, "netmon");
    ssh_options_set(session_, SSH_OPTIONS_TIMEOUT, &seconds);
    ssh_options_set(session_, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
    ssh_options_set(session_, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    connected = ssh_connect(session_) == SSH_OK;
    if (!connected) return;
    if (!interactive) {
      logged_in = ssh_userauth_password(session_, nullptr, password.c_str()) == SSH_AUTH_SUCCESS;
    } else if (ssh_userauth_kbdint(session_, nullptr, nullptr) == SSH_AUTH_INFO) {
      ssh_userauth_kbdint_setanswer(session_, 0, password.c_str());
      logged_in = ssh_userauth_kbdint(session_, nullptr, nullptr) == SSH_AUTH_SUCCESS;
    }
  }
  ~Client() {
    ssh_disconnect(session_);
    ssh_free(session_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool open_shell() {
    channel_ = ssh_channel_new(session_);
    return ssh_channel_open_session(channel_) == SSH_OK && ssh_channel_request_pty(channel_) == SSH_OK &&
           ssh_channel_request_shell(channel_) == SSH_OK;
  }
  void type(const std::string& text) {
    ssh_channel_write(channel_, text.data(), static_cast<std::uint32_t>(text.size()));
  }
  // Reads until the text ends so, or the router closes.
  std::string read_to(const std::string& end) {
    std::string text;
    char buffer[4096];
    while (!text.ends_with(end) || end.empty()) {
      const int count = ssh_channel_read_timeout(channel_, buffer, sizeof buffer, 0, 20000);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
  std::string read(std::size_t least) {
    std::string text;
    char buffer[4096];
    while (text.size() < least) {
      const int count = ssh_channel_read_timeout(channel_, buffer, sizeof buffer, 0, 20000);
      if (count <= 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }
  std::string execute(const std::string& command, int& status) {
    ssh_channel channel = ssh_channel_new(session_);
    std::string text;
    char buffer[4096];
    if (ssh_channel_open_session(channel) == SSH_OK &&
        ssh_channel_request_exec(channel, command.c_str()) == SSH_OK) {
      for (int n; (n = ssh_channel_read_timeout(channel, buffer, sizeof buffer, 0, 20000)) > 0;) {
        text.append(buffer, static_cast<std::size_t>(n));
      }
    }
    status = ssh_channel_get_exit_status(channel);
    ssh_channel_free(channel);
    return text;
  }
  int exit_status() { return ssh_channel_get_exit_status(channel_); }

  bool connected = false;
  bool logged_in = false;

 private:
  ssh_session session_;
  ssh_channel channel_ = nullptr;
};

}  // namespace

TEST_CASE("a router lets in by password, runs a ping and counts what it saw") {
  SimulatorThread bench({router("r1")});
  const RouterInfo info = bench.simulator.routers().at(0);
  CHECK(info.host_key.fingerprint.starts_with("SHA256:"));
  {
    Client wrong(info, "guess");
    CHECK(wrong.connected);
    CHECK_FALSE(wrong.logged_in);
    Client client(info, "secret");
    REQUIRE(client.logged_in);
    REQUIRE(client.open_shell());
    CHECK(client.read_to("r1#") == "r1#");
    client.type("ping 198.51.100.2 repeat 3\r");
    CHECK(client.read_to("r1#").find("Success rate is 100 percent (3/3)") != std::string::npos);
    client.type("exit\r");
    CHECK(client.read_to("") == "exit\r\n");
    CHECK(client.exit_status() == 0);
  }
  bench.stop();
  const RouterCounts counts = bench.counts("r1");
  CHECK(counts.logins == 1);
  CHECK(counts.auth_failures == 1);
  CHECK(counts.commands == 2);
  CHECK(counts.echo_requests == 3);
  CHECK(counts.sessions == 0);
  CHECK(counts.sessions_max == 1);
  bool secret_seen = false;
  for (const std::string& line : bench.events)
    secret_seen = secret_seen || line.find("secret") != std::string::npos;
  CHECK_FALSE(secret_seen);
}

TEST_CASE("a router asks by keyboard-interactive and takes exec channels one after another") {
  RouterConfig config = router("l1", PlatformKind::linux_shell);
  config.keyboard_interactive = true;
  SimulatorThread bench({config});
  Client client(bench.simulator.routers().at(0), "secret", true);
  REQUIRE(client.logged_in);
  int status = -1;
  CHECK(client.execute("ping -c 1 1.1.1.1", status).find("1 packets transmitted, 1 received") !=
        std::string::npos);
  CHECK(status == 0);
  CHECK(client.execute("nosuch", status) == "-bash: nosuch: command not found\n");
  CHECK(status == 127);
}

TEST_CASE("a full router says so in its own words, and has room again after a logout") {
  RouterConfig config = router("r1", PlatformKind::huawei_vrp);
  config.max_sessions = 2;
  SimulatorThread bench({config});
  const RouterInfo info = bench.simulator.routers().at(0);
  Client one(info, "secret");
  {
    Client two(info, "secret"), three(info, "secret");
    REQUIRE(three.open_shell());
    CHECK(three.read_to("").find("All user interfaces are used") != std::string::npos);
  }
  // The second's line is free as soon as the router has seen its end.
  for (int i = 0; i < 1000 && bench.counts("r1").sessions > 1; ++i) std::this_thread::yield();
  while (bench.counts("r1").sessions > 1) std::this_thread::sleep_for(1ms);
  Client four(info, "secret");
  REQUIRE(four.open_shell());
  CHECK(four.read_to("<r1>") == "<r1>");
  CHECK(bench.counts("r1").limit_refusals == 1);
  CHECK(bench.counts("r1").sessions_max == 2);
}

TEST_CASE("faults of the connection") {
  SUBCASE("cut in authentication") {
    RouterConfig config = router("r1");
    config.faults.close_in = Faults::Close::auth;
    config.faults.sessions = 1;
    SimulatorThread bench({config});
    Client first(bench.simulator.routers().at(0), "secret");
    CHECK_FALSE(first.logged_in);
    Client second(bench.simulator.routers().at(0), "secret");
    CHECK(second.logged_in);
  }
  SUBCASE("cut in the answer, which came octet by octet") {
    RouterConfig config = router("r1");
    config.chunk = 1;
    config.faults.close_in = Faults::Close::command;
    config.faults.close_after = 4;
    SimulatorThread bench({config});
    Client client(bench.simulator.routers().at(0), "secret");
    REQUIRE(client.open_shell());
    client.read_to("r1#");
    client.type("ping 1.1.1.1\r");
    CHECK(client.read_to("") == "ping 1.1.1.1\r\nType");
  }
  SUBCASE("endless output waits for a client that does not read") {
    RouterConfig config = router("r1");
    config.faults.endless = true;
    SimulatorThread bench({config});
    Client client(bench.simulator.routers().at(0), "secret");
    REQUIRE(client.open_shell());
    client.read_to("r1#");
    client.type("ping 1.1.1.1\r");
    CHECK(client.read(3'000'000).find("\nline 2000 ") != std::string::npos);
  }
}

TEST_CASE("routers of old offer old algorithms only") {
  RouterConfig config = router("old");
  config.legacy_ssh = true;
  SimulatorThread bench({config});
  const RouterInfo info = bench.simulator.routers().at(0);
  CHECK(info.host_key.type == "ssh-rsa");
  CHECK_FALSE(Client(info, "secret").connected);  // a client of today finds nothing in common
}

TEST_CASE("addresses other than loopback are refused, and names are unique") {
  boost::asio::io_context loop;
  RouterConfig config = router("r1");
  config.address = "192.0.2.1";
  Simulator outside(loop, SimulatorConfig{{config}});
  CHECK(outside.start().error().find("not a loopback address") != std::string::npos);
  Simulator twice(loop, SimulatorConfig{{router("r1"), router("r1")}});
  CHECK(twice.start().error() == "two routers are called r1");
  loop.run();
}

TEST_CASE("two hundred sessions at once, each with its own ping") {
  std::vector<RouterConfig> routers;
  for (int i = 0; i < 20; ++i) routers.push_back(router("r" + std::to_string(i)));
  SimulatorThread bench(routers);
  std::vector<std::unique_ptr<Client>> clients;
  for (const RouterInfo& info : bench.simulator.routers()) {
    for (int i = 0; i < 10; ++i) {
      clients.push_back(std::make_unique<Client>(info, "secret"));
      REQUIRE(clients.back()->logged_in);
      REQUIRE(clients.back()->open_shell());
    }
  }
  for (auto& client : clients) client->type("ping 198.51.100.2\r");
  for (auto& client : clients) {
    std::string text;
    while (text.find("(5/5)") == std::string::npos) {
      const std::string more = client->read_to("#");
      REQUIRE_FALSE(more.empty());
      text += more;
    }
  }
  CHECK(bench.counts("r7").sessions == 10);
  clients.clear();
  bench.stop();
  for (const RouterInfo& info : bench.simulator.routers()) {
    CHECK(bench.counts(info.name).echo_requests == 50);
    CHECK(bench.counts(info.name).sessions == 0);
  }
}
