// Against a real sshd, and against plain sockets that say nothing.

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <thread>
#include <utility>

#include "connection/ssh/session_factory.hpp"
#include "connection/ssh/transport.hpp"
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
using test::Policy;
using test::run_on;
using test::SilentListener;
using test::SshPeer;
namespace asio = boost::asio;

Peer peer_at(std::string address, std::uint16_t port) {
  Peer peer;
  peer.address = std::move(address);
  peer.port = port;
  return peer;
}

// Logs in and stops it after a while; how it ended.
Error stopped_login(Lab& lab, Clock::duration after) {
  std::stop_source stop;
  asio::steady_timer timer(lab.loop, after);
  timer.async_wait([stop](boost::system::error_code) mutable { stop.request_stop(); });
  const auto result = lab.login(Context().within(30s).stopped_by(stop.get_token()));
  REQUIRE_FALSE(result);
  return result.error();
}

}  // namespace

TEST_CASE("a key logs in to sshd, and commands come back clean") {
  if (no_sshd()) return;
  const Sshd sshd;
  Lab lab(sshd);
  std::string trace;
  lab.trace = [&](TraceDirection, std::string_view text) { trace += text; };
  auto session = lab.login();
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  CHECK((*session)->alive());
  for (int i = 0; i < 20; ++i) {
    const auto output = lab.command(**session, "echo one; echo two");
    REQUIRE_MESSAGE(output.has_value(), output.error().text);
    CHECK(output->text == "one\ntwo\n");
  }
  const auto large = lab.command(**session, "seq 1 20000");
  REQUIRE(large);
  CHECK(large->text.size() == 108894);
  CHECK(large->text.ends_with("19999\n20000\n"));
  const auto size = lab.command(**session, "stty size");
  REQUIRE(size);
  CHECK(size->text == "1000 511\n");
  const std::string long_line = "echo " + std::string(700, 'x');
  const auto wrapped = lab.command(**session, long_line);
  REQUIRE_MESSAGE(wrapped.has_value(), wrapped.error().text);
  CHECK(wrapped->text == std::string(700, 'x') + '\n');
  CHECK(run_on(lab.loop, (*session)->check(Context().within(10s))));
  run_on(lab.loop, (*session)->close(Context().within(10s)));
  CHECK_FALSE((*session)->alive());
  CHECK(trace.find("PRIVATE KEY") == std::string::npos);
  CHECK(trace.find(sshd.host_fingerprint()) != std::string::npos);
}

TEST_CASE("keys are exchanged anew under load, and nobody notices") {
  if (no_sshd()) return;
  Sshd::Options options;
  options.extra = "RekeyLimit 64K\nLogLevel DEBUG1";
  const Sshd sshd(options);
  Lab lab(sshd);
  auto session = lab.login();
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  const std::string word(400, 'x');
  for (int i = 0; i < 10; ++i) {
    const auto much = lab.command(**session, "seq 1 20000");
    REQUIRE_MESSAGE(much.has_value(), much.error().text);
    CHECK(much->text.size() == 108894);
    CHECK(much->text.ends_with("19999\n20000\n"));
    const auto typed = lab.command(**session, "echo " + word);
    REQUIRE_MESSAGE(typed.has_value(), typed.error().text);
    CHECK(typed->text == word + '\n');
    CHECK(run_on(lab.loop, (*session)->check(Context().within(10s))));
  }
  run_on(lab.loop, (*session)->close(Context().within(10s)));
  CHECK(linewatch::test::count_words(sshd.log(), "SSH2_MSG_KEXINIT received") >= 10);
}

TEST_CASE("RSA and encrypted keys log in, too") {
  if (no_sshd()) return;
  Sshd::Options options;
  options.client_key_type = "rsa";
  options.passphrase = "open sesame";
  const Sshd sshd(options);
  Lab lab(sshd);
  CHECK_FALSE(lab.login());  // without the passphrase
  lab.access.credentials[0].private_key_passphrase = config::Secret("wrong");
  const auto wrong = lab.login();
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == ErrorCode::no_way_in);  // the router was not asked
  CHECK(wrong.error().text.find("sesame") == std::string::npos);
  lab.access.credentials[0].private_key_passphrase = config::Secret("open sesame");
  CHECK(lab.login());
}

TEST_CASE("a command that never ends is interrupted, and the session goes on") {
  if (no_sshd()) return;
  const Sshd sshd;
  Lab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  const auto slept = lab.command(**session, "sleep 1000", 100ms);
  REQUIRE_FALSE(slept);
  CHECK(slept.error().code == ErrorCode::deadline);
  CHECK((*session)->dirty());
  REQUIRE(run_on(lab.loop, (*session)->recover(Context().within(10s))));
  CHECK_FALSE((*session)->dirty());
  const auto flood =
      lab.command(**session, "while :; do echo 0123456789012345678901234567890123456789; done", 20s);
  REQUIRE_FALSE(flood);
  CHECK(flood.error().code == ErrorCode::output_limit);
  REQUIRE(run_on(lab.loop, (*session)->recover(Context().within(20s))));
  const auto output = lab.command(**session, "echo still here");
  REQUIRE(output);
  CHECK(output->text == "still here\n");
}

TEST_CASE("a session that sshd closes is closed, in mid-command and while idle") {
  if (no_sshd()) return;
  const Sshd sshd;
  Lab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  const auto gone = lab.command(**session, "kill -9 $PPID $$");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ErrorCode::closed);
  CHECK_FALSE((*session)->alive());
  run_on(lab.loop, (*session)->close(Context().within(1s)));
}

TEST_CASE("a host key that is not the known one ends the login before any credential is sent") {
  if (no_sshd()) return;
  const Sshd sshd, other;
  Lab lab(sshd);
  std::string line = other.known_hosts_line();
  line.replace(line.find(std::to_string(other.port())), std::to_string(other.port()).size(),
               std::to_string(sshd.port()));
  linewatch::test::write_text(lab.folder.path() / "known_hosts", line + '\n');
  REQUIRE(lab.host_keys.load());
  const auto refused = lab.login();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::host_key);
  CHECK(refused.error().text.find("host key") != std::string::npos);
  CHECK(refused.error().text.find("linewatch hostkey accept lab-1") != std::string::npos);
  CHECK(sshd.log().find("userauth") == std::string::npos);
  CHECK(sshd.log().find("Accepted") == std::string::npos);

  linewatch::test::write_text(lab.folder.path() / "known_hosts", "");
  REQUIRE(lab.host_keys.load());
  const auto unknown = lab.login();
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == ErrorCode::host_key);
  CHECK(lab.host_keys.known("127.0.0.1", sshd.port()).empty());

  // `hostkey accept` of another process, or an editor: no restart is needed.
  linewatch::test::write_text(lab.folder.path() / "known_hosts", sshd.known_hosts_line() + '\n');
  CHECK(lab.login());

  Lab accepting(sshd, Policy::accept_new);
  linewatch::test::write_text(accepting.folder.path() / "known_hosts", "");
  REQUIRE(accepting.host_keys.load());
  CHECK(accepting.login());
  CHECK(accepting.host_keys.known("127.0.0.1", sshd.port()).size() == 1);
}

TEST_CASE("a scan shows the host key without logging in") {
  if (no_sshd()) return;
  const Sshd sshd;
  Lab lab(sshd.port());
  const auto key =
      run_on(lab.loop, scan_host_key(Context().within(20s), lab.resolver, peer_at("127.0.0.1", sshd.port())));
  REQUIRE(key);
  CHECK(key->fingerprint() == sshd.host_fingerprint());
  CHECK(sshd.known_hosts_line().ends_with(key->type + ' ' + key->base64));
}

TEST_CASE("an old device is reached only with legacy_ssh") {
  if (no_sshd()) return;
  Sshd::Options options;
  options.host_key_type = "rsa";
  options.client_key_type = "rsa";
  options.extra =
      "KexAlgorithms diffie-hellman-group1-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers aes128-cbc,3des-cbc\n"
      "MACs hmac-sha1\nPubkeyAcceptedAlgorithms ssh-rsa";
  const Sshd sshd(options);
  Lab lab(sshd);
  const auto refused = lab.login();
  REQUIRE_FALSE(refused);
  INFO(refused.error().text);
  CHECK(refused.error().code == ErrorCode::protocol);
  CHECK(refused.error().text.find("legacy_ssh") != std::string::npos);
  CHECK(refused.error().text.find("diffie-hellman-group1-sha1") != std::string::npos);
  lab.access.legacy_ssh = true;
  auto session = lab.login();
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  CHECK(lab.command(**session, "echo hello")->text == "hello\n");
}

TEST_CASE("algorithms that do not match are named although greeting and offer come in one piece") {
  std::string offer = "\x14" + std::string(16, 'c');  // SSH_MSG_KEXINIT and its cookie, RFC 4253 section 7.1
  const auto number = [](std::size_t value) {
    return std::string{'\0', '\0', static_cast<char>(value >> 8), static_cast<char>(value)};
  };
  for (const char* list : {"diffie-hellman-group1-sha1", "ssh-rsa", "3des-cbc", "3des-cbc", "hmac-sha1",
                           "hmac-sha1", "none", "none", "", ""})
    offer += number(std::string_view(list).size()) + list;
  offer += std::string(5, '\0');
  const std::size_t padding = 8 - (offer.size() + 5) % 8 + 8;
  const std::string packet =
      number(offer.size() + padding + 1) + static_cast<char>(padding) + offer + std::string(padding, '\0');
  asio::io_context server;
  asio::ip::tcp::acceptor acceptor(server, {asio::ip::address_v4::loopback(), 0});
  Lab lab(acceptor.local_endpoint().port());
  lab.with_password("netmon", "right");
  std::thread router([&] {
    asio::ip::tcp::socket client = acceptor.accept();
    asio::write(client, asio::buffer("SSH-2.0-old\r\n" + packet));
    std::string rest;
    boost::system::error_code closed;
    asio::read(client, asio::dynamic_buffer(rest), closed);
  });
  const auto refused = lab.login();
  router.join();
  REQUIRE_FALSE(refused);
  INFO(refused.error().text);
  CHECK(refused.error().code == ErrorCode::protocol);
  CHECK(refused.error().text.find("legacy_ssh") != std::string::npos);
  CHECK(refused.error().text.find("diffie-hellman-group1-sha1") != std::string::npos);
}

TEST_CASE("key exchanges take turns, and routers that only greet or say nothing do not hold up the others") {
  if (no_sshd()) return;
  const Sshd sshd;
  Lab lab(sshd);
  const auto one_at_a_time = Gate::make(lab.loop.get_executor(), GateLimits{1 << 30, 1, 1e12});
  asio::ip::tcp::acceptor acceptor(lab.loop, {asio::ip::address_v4::loopback(), 0});
  RouterAccess greeter = lab.access, silent = lab.access;
  lab.access.key_exchanges = greeter.key_exchanges = silent.key_exchanges = one_at_a_time;
  greeter.port = acceptor.local_endpoint().port();
  const SilentListener listener;
  silent.port = listener.port;
  asio::ip::tcp::socket greeting(lab.loop);
  acceptor.async_accept(greeting, [&](boost::system::error_code error) {
    REQUIRE_FALSE(error);
    asio::write(greeting, asio::buffer(std::string("SSH-2.0-mute\r\n")));
  });
  std::optional<ErrorCode> failures[2];
  std::optional<bool> good[3];
  const auto log_in = [](std::unique_ptr<SessionFactory> factory, auto report) -> Awaitable<void> {
    const Context ctx = Context().within(20s);
    report(co_await factory->login(ctx));
  };
  const auto factory = [&](const RouterAccess& access) {
    return make_ssh_session_factory(lab.loop.get_executor(), lab.resolver, lab.host_keys, access, nullptr,
                                    {});
  };
  const RouterAccess* bad[] = {&greeter, &silent};
  for (int i = 0; i < 2; ++i) {
    asio::co_spawn(lab.loop,
                   log_in(factory(*bad[i]),
                          [&, i](const auto& result) {
                            failures[i] = result ? ErrorCode::internal : result.error().code;
                          }),
                   asio::detached);
  }
  for (auto& each : good) {
    asio::co_spawn(lab.loop,
                   log_in(factory(lab.access), [&](const auto& result) { each = result.has_value(); }),
                   asio::detached);
  }
  while (!(good[0] && good[1] && good[2])) lab.loop.run_one();
  for (const auto& each : good) CHECK(*each);
  CHECK_FALSE(failures[0]);  // both still wait for more than a greeting
  CHECK_FALSE(failures[1]);
  greeting.close();
  while (!failures[0]) lab.loop.run_one();
}

TEST_CASE("a rejected key says whose") {
  if (no_sshd()) return;
  const Sshd sshd, other;
  Lab lab(sshd);
  lab.access.credentials[0].private_key = config::Secret(other.client_key());
  const auto refused = lab.login();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::authentication);
  CHECK(refused.error().text ==
        "lab-1 (127.0.0.1:" + std::to_string(sshd.port()) + "): the router rejected the key of root");
}

TEST_CASE("passwords: right, rejected, then the next credential, never twice") {
  SUBCASE("right") {
    const SshPeer peer;
    Lab lab(peer.port());
    lab.with_password("netmon", "right");
    auto session = lab.login();
    REQUIRE_MESSAGE(session.has_value(), session.error().text);
    CHECK(lab.command(**session, "hello")->text == "you said hello\n");
    run_on(lab.loop, (*session)->close(Context().within(10s)));
  }
  SUBCASE("rejected") {
    for (const unsigned methods : {SSH_AUTH_METHOD_PASSWORD, SSH_AUTH_METHOD_INTERACTIVE,
                                   SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_INTERACTIVE}) {
      SshPeer::Options options;
      options.methods = static_cast<int>(methods);
      const SshPeer peer(options);
      Lab lab(peer.port());
      lab.with_password("netmon", "s3cret");
      const auto refused = lab.login();
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == ErrorCode::authentication);
      CHECK(refused.error().phase == Phase::authentication);
      CHECK(refused.error().text.ends_with(": the router rejected the password of netmon"));
      CHECK(peer.tries().size() == 1);  // not once more by the other method
    }
  }
  SUBCASE("questions instead of the password method") {
    SshPeer::Options options;
    options.methods = SSH_AUTH_METHOD_INTERACTIVE;
    const SshPeer peer(options);
    Lab lab(peer.port());
    lab.with_password("netmon", "right");
    CHECK(lab.login());
    CHECK(peer.tries() == std::vector<std::string>{"interactive netmon right"});
  }
  SUBCASE("a list, in order") {
    const SshPeer peer;
    Lab lab(peer.port());
    lab.with_password("old", "right");
    lab.with_password("netmon", "wrong");
    lab.with_password("netmon", "right");
    CHECK(lab.login());
    CHECK(peer.tries() ==
          std::vector<std::string>{"password old right", "password netmon wrong", "password netmon right"});
  }
  SUBCASE("a router that hangs up on the rejection") {
    SshPeer::Options options;
    options.hang_up_after_rejection = true;
    const SshPeer peer(options);
    Lab lab(peer.port());
    lab.with_password("netmon", "wrong");
    const auto refused = lab.login();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::authentication);
    CHECK(refused.error().text.ends_with("closed the connection when it was given the password of netmon"));
    CHECK(peer.connections() == 1);
  }
}

TEST_CASE("nobody listens, nobody answers, nobody speaks") {
  SUBCASE("refused") {
    Lab lab(linewatch::test::free_port());
    lab.with_password("netmon", "right");
    const auto refused = lab.login();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::unreachable);
    CHECK(refused.error().phase == Phase::tcp_connect);
    CHECK(refused.error().text.ends_with(": connection refused"));
  }
  SUBCASE("a source address that is not ours") {
    Lab lab(1);
    lab.with_password("netmon", "right");
    lab.access.connection.source_address = "192.0.2.55";
    const auto refused = lab.login();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text.find("192.0.2.55") != std::string::npos);
  }
  SUBCASE("no TCP answer") {
    const SilentListener listener(true);
    Lab lab(listener.port);
    lab.with_password("netmon", "right");
    const auto late = lab.login(Context().within(50ms));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == ErrorCode::unreachable);
    CHECK(late.error().phase == Phase::tcp_connect);
    CHECK(stopped_login(lab, 10ms).phase == Phase::tcp_connect);
  }
  SUBCASE("no SSH banner") {
    const SilentListener listener;
    Lab lab(listener.port);
    lab.with_password("netmon", "right");
    const auto late = lab.login(Context().within(50ms));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == ErrorCode::deadline);
    CHECK(late.error().phase == Phase::key_exchange);
    const Error stopped = stopped_login(lab, 10ms);
    CHECK(stopped.code == ErrorCode::cancelled);
    CHECK(stopped.phase == Phase::key_exchange);
  }
}

TEST_CASE("silence in any phase of a login ends with the time limit and with a stop") {
  struct Row {
    SshPeer::Silent silent;
    Phase phase;
    ErrorCode late;
  };
  for (const Row& row : {Row{SshPeer::Silent::in_authentication, Phase::authentication, ErrorCode::deadline},
                         Row{SshPeer::Silent::in_channel, Phase::channel, ErrorCode::deadline},
                         Row{SshPeer::Silent::before_prompt, Phase::prompt, ErrorCode::no_prompt}}) {
    SshPeer::Options options;
    options.silent = row.silent;
    for (const bool by_stop : {false, true}) {
      CAPTURE(to_string(row.phase));
      CAPTURE(by_stop);
      const SshPeer peer(options);
      Lab lab(peer.port());
      lab.with_password("netmon", "right");
      if (by_stop) {
        const Error stopped = stopped_login(lab, 1500ms);
        CHECK(stopped.code == ErrorCode::cancelled);
        CHECK(stopped.phase == row.phase);
      } else {
        const auto late = lab.login(Context().within(1500ms));
        REQUIRE_FALSE(late);
        CHECK(late.error().code == row.late);
        CHECK(late.error().phase == row.phase);
      }
    }
  }
}

TEST_CASE("two hundred logins cut off anywhere leave no descriptor behind") {
  if (no_sshd()) return;
  const Sshd sshd;
  Lab lab(sshd);
  {
    REQUIRE(lab.login());
  }  // what is opened once for all
  const int before = open_descriptors();
  int finished = 0;
  for (int i = 0; i < 200; ++i) {
    std::stop_source stop;
    asio::steady_timer timer(lab.loop, std::chrono::microseconds(100 * i));
    timer.async_wait([stop](boost::system::error_code) mutable { stop.request_stop(); });
    const auto session = lab.login(Context().within(30s).stopped_by(stop.get_token()));
    if (session) ++finished;
    if (!session) CHECK(session.error().code == ErrorCode::cancelled);
  }
  CHECK(open_descriptors() == before);
  CHECK(finished < 200);
}

namespace {

struct Began : OutputWatcher {  // tells another thread that the command is under way
  std::promise<void> seen;
  bool told = false;
  Advice look(std::string_view, TimePoint) override {
    if (!std::exchange(told, true)) seen.set_value();
    return {};
  }
};

}  // namespace

TEST_CASE("a stop from another thread ends a waiting command") {
  if (no_sshd()) return;
  const Sshd sshd;
  Lab lab(sshd);
  auto session = lab.login();
  REQUIRE(session);
  std::stop_source stop;
  Began began;
  Command what;
  what.text = "sleep 1000";
  what.watcher = &began;
  std::thread stopper([&] {
    began.seen.get_future().wait();
    stop.request_stop();
  });
  const auto output =
      run_on(lab.loop, (*session)->run(Context().stopped_by(stop.get_token()), std::move(what)));
  stopper.join();
  REQUIRE_FALSE(output);
  CHECK(output.error().code == ErrorCode::cancelled);
  const auto recovered = run_on(lab.loop, (*session)->recover(Context().within(10s)));
  REQUIRE_MESSAGE(recovered.has_value(), recovered.error().text);
}

TEST_CASE("the addresses of a name are tried in turn") {
  const SshPeer peer;
  asio::io_context loop;
  Resolver resolver(1, [](const std::string&, int) -> std::expected<Resolver::Addresses, std::string> {
    return Resolver::Addresses{asio::ip::make_address("::1"), asio::ip::make_address("127.0.0.1")};
  });
  const auto key =
      run_on(loop, scan_host_key(Context().within(20s), resolver, peer_at("r1.lab", peer.port())));
  CHECK_MESSAGE(key.has_value(), key.error().text);
}

TEST_CASE("an end that comes in one piece with the last words is noticed, though the connection stays") {
  SshPeer::Options options;
  options.stays_connected = true;
  const SshPeer peer(options);
  Lab lab(peer.port());
  lab.with_password("netmon", "right");
  Transport transport(lab.loop.get_executor(), peer_at("127.0.0.1", peer.port()));
  const Context ctx = Context().within(20s);
  REQUIRE(run_on(lab.loop, transport.connect(ctx, lab.resolver, {})));
  REQUIRE(run_on(lab.loop, transport.authenticate(ctx, lab.access.credentials[0])));
  REQUIRE(run_on(lab.loop, transport.open_shell(ctx)));
  std::string heard;
  while (!heard.contains('#')) REQUIRE(run_on(lab.loop, transport.read(ctx, heard)));
  REQUIRE(run_on(lab.loop, transport.write(ctx, "exit\n")));
  while (!peer.said_goodbye()) std::this_thread::yield();
  REQUIRE(run_on(lab.loop, transport.read(ctx, heard)));
  CHECK(heard.contains("exit"));
  const auto end = run_on(lab.loop, transport.read(ctx, heard));
  REQUIRE_FALSE(end);
  CHECK_MESSAGE(end.error().code == ErrorCode::closed, end.error().text);
}

TEST_CASE("a router that takes no input ends a write at its time limit") {
  if (no_sshd()) return;
  Sshd::Options options;
  options.command = "exec sleep 1000";
  const Sshd sshd(options);
  Lab lab(sshd);
  Peer peer;
  peer.address = "127.0.0.1";
  peer.port = sshd.port();
  Transport transport(lab.loop.get_executor(), peer);
  const Context ctx = Context().within(30s);
  REQUIRE(run_on(lab.loop, transport.connect(ctx, lab.resolver, {})));
  REQUIRE(run_on(lab.loop, transport.authenticate(ctx, lab.access.credentials[0])));
  REQUIRE(run_on(lab.loop, transport.open_shell(ctx)));
  const std::string much(16 * 1024 * 1024, '\r');
  const auto late = run_on(lab.loop, transport.write(Context().within(300ms), much));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::deadline);
  CHECK(late.error().phase == Phase::write);
}

}  // namespace linewatch::connection
