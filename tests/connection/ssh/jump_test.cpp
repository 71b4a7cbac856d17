// Routers behind jump hosts: real sshds on both ends, and peers that are silent, refuse or flood.

#include <doctest/doctest.h>
#include <signal.h>
#include <spdlog/sinks/ostream_sink.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <sstream>
#include <tuple>
#include <utility>

#include "connection/pool/lockout.hpp"
#include "connection/ssh/jump_host.hpp"
#include "connection/ssh/session_factory.hpp"
#include "tests/connection/ssh/lab.hpp"
#include "tests/connection/ssh/ssh_peer.hpp"
#include "tests/support/sshd.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using linewatch::test::Sshd;
using test::no_sshd;
using test::open_descriptors;
using test::Policy;
using test::SilentListener;
using test::SshPeer;
namespace asio = boost::asio;

config::Credential key_of(const Sshd& sshd, const std::string& name = "lab") {
  config::Credential credential;
  credential.name = name;
  credential.username = "root";
  credential.private_key = config::Secret(sshd.client_key());
  return credential;
}

config::Credential password(const std::string& text) {
  config::Credential credential;
  credential.name = credential.username = "netmon";
  credential.password = config::Secret(text);
  return credential;
}

RouterAccess access_to(const std::string& name, std::uint16_t port, const config::Credential& credential,
                       std::shared_ptr<JumpHost> via = nullptr) {
  RouterAccess access;
  access.name = name;
  access.address = "127.0.0.1";
  access.port = port;
  access.platform = test::shell_platform();
  access.credentials = {credential};
  access.via = std::move(via);
  return access;
}

struct Lab {
  explicit Lab(Policy policy = Policy::off)
      : host_keys({policy, folder.path() / "known_hosts"}, folder.path() / "learned"),
        log(std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged, true))) {
    log->set_pattern("%v");
  }
  ~Lab() {
    for (auto jump = jumps.rbegin(); jump != jumps.rend(); ++jump) run((*jump)->close(Context().within(10s)));
    loop.restart();
    loop.run();  // nothing is left that waits
  }

  std::unique_ptr<SessionFactory> factory(const RouterAccess& access) {
    auto factory = make_ssh_session_factory(loop.get_executor(), resolver, host_keys, access, log);
    if (!access.via) return factory;
    return make_factory_behind(access.via, std::move(factory), access.name);
  }
  std::shared_ptr<JumpHost> jump(RouterAccess access) {
    access.use = RouterAccess::Use::jump;
    auto made = factory(access);
    jumps.push_back(
        JumpHost::make(loop.get_executor(), access.name, access.connection, std::move(made), log));
    return jumps.back();
  }
  std::shared_ptr<JumpHost> jump(const Sshd& sshd) {
    return jump(access_to("bastion", sshd.port(), key_of(sshd)));
  }

  // Runs the loop until this one is done: what stays open in the background does not matter.
  template <class T>
  T run(Awaitable<T> coroutine) {
    std::optional<T> result;
    start(std::move(coroutine), [&](T value) { result.emplace(std::move(value)); });
    run_until([&] { return result.has_value(); });
    return std::move(*result);
  }
  void run(Awaitable<void> coroutine) {
    bool done = false;
    asio::co_spawn(loop, std::move(coroutine), [&](std::exception_ptr bug) {
      done = true;
      if (bug) std::rethrow_exception(bug);
    });
    run_until([&] { return done; });
  }
  template <class T, class Done>
  void start(Awaitable<T> coroutine, Done done) {
    asio::co_spawn(loop, std::move(coroutine), [done](std::exception_ptr bug, T value) {
      if (bug) std::rethrow_exception(bug);
      done(std::move(value));
    });
  }
  template <class Condition>
  void run_until(Condition condition) {
    loop.restart();
    const auto limit = Clock::now() + 60s;
    while (!condition() && Clock::now() < limit) loop.run_one_for(1s);
    REQUIRE(condition());
  }
  Result<std::unique_ptr<Session>> login(const RouterAccess& access, Context ctx = Context().within(30s)) {
    const auto logins = factory(access);
    return run(logins->login(std::move(ctx)));
  }
  Result<CommandOutput> command(Session& session, std::string text, Clock::duration limit = 30s) {
    Command what;
    what.text = std::move(text);
    return run(session.run(Context().within(limit), std::move(what)));
  }
  std::size_t count(std::string_view words) const {
    return linewatch::test::count_words(logged.str(), words);
  }

  linewatch::test::TemporaryFolder folder;
  asio::io_context loop;
  Resolver resolver;
  HostKeys host_keys;
  std::ostringstream logged;
  std::shared_ptr<spdlog::logger> log;
  std::vector<std::shared_ptr<JumpHost>> jumps;
};

std::size_t count_logins(const Sshd& sshd) {
  return linewatch::test::count_words(sshd.log(), "Accepted publickey");
}

}  // namespace

TEST_CASE("a router behind a jump host answers as one that is reached directly") {
  if (no_sshd()) return;
  const Sshd bastion, router;
  Lab lab;
  const auto jump = lab.jump(bastion);
  const RouterAccess access = access_to("lab-1", router.port(), key_of(router), jump);
  auto session = lab.login(access);
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  CHECK(lab.command(**session, "echo hello")->text == "hello\n");
  const auto large = lab.command(**session, "seq 1 20000");
  REQUIRE(large);
  CHECK(large->text.size() == 108894);
  const auto slept = lab.command(**session, "sleep 1000", 100ms);
  REQUIRE_FALSE(slept);
  CHECK(slept.error().code == ErrorCode::deadline);
  CHECK(lab.run((*session)->recover(Context().within(10s))));
  CHECK(lab.run((*session)->check(Context().within(10s))));
  CHECK(jump->channels() == 1);
  lab.run((*session)->close(Context().within(10s)));
  lab.run_until([&] { return jump->channels() == 0; });
  CHECK(lab.login(access));  // the connection is kept
  CHECK(jump->logins() == 1);
  CHECK(count_logins(bastion) == 1);
}

TEST_CASE(
    "many sessions log in through a cold jump host at once: one login there, and all work side by side") {
  if (no_sshd()) return;
  constexpr int many = 20;
  const Sshd bastion, router;
  Lab lab;
  const auto jump = lab.jump(bastion);
  const auto factory = lab.factory(access_to("lab-1", router.port(), key_of(router), jump));
  std::vector<std::unique_ptr<Session>> sessions;
  int ended = 0;
  for (int i = 0; i < many; ++i) {
    lab.start(factory->login(Context().within(60s)), [&](Result<std::unique_ptr<Session>> session) {
      ++ended;
      CHECK_MESSAGE(session.has_value(), session.error().text);
      if (session) sessions.push_back(std::move(*session));
    });
  }
  lab.run_until([&] { return ended == many; });
  CHECK(count_logins(bastion) == 1);
  CHECK(jump->logins() == 1);
  CHECK(jump->channels() == many);
  int right = 0;
  ended = 0;
  for (const auto& session : sessions) {
    Command what;
    what.text = "seq 1 20000";
    lab.start(session->run(Context().within(60s), std::move(what)), [&](Result<CommandOutput> output) {
      ++ended;
      if (output && output->text.size() == 108894 && output->text.ends_with("19999\n20000\n")) ++right;
    });
  }
  lab.run_until([&] { return ended == many; });
  CHECK(right == many);
}

TEST_CASE("a jump host exchanges keys anew under load, and nobody behind it notices") {
  if (no_sshd()) return;
  constexpr int many = 4, rounds = 5;
  Sshd::Options options;
  options.extra = "RekeyLimit 64K\nLogLevel DEBUG1";
  const Sshd bastion(options), router;
  Lab lab;
  const auto jump = lab.jump(bastion);
  const auto factory = lab.factory(access_to("lab-1", router.port(), key_of(router), jump));
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < many; ++i) {
    auto session = lab.run(factory->login(Context().within(30s)));
    REQUIRE_MESSAGE(session.has_value(), session.error().text);
    sessions.push_back(std::move(*session));
  }
  for (int round = 0; round < rounds; ++round) {
    int ended = 0;
    for (const auto& session : sessions) {
      Command what;
      what.text = "seq 1 20000";
      lab.start(session->run(Context().within(60s), std::move(what)), [&](Result<CommandOutput> output) {
        ++ended;
        REQUIRE_MESSAGE(output.has_value(), output.error().text);
        CHECK(output->text.size() == 108894);
        CHECK(output->text.ends_with("19999\n20000\n"));
      });
    }
    lab.run_until([&] { return ended == many; });
  }
  CHECK(jump->logins() == 1);
  CHECK(linewatch::test::count_words(bastion.log(), "SSH2_MSG_KEXINIT received") >= 10);
}

namespace {

constexpr std::size_t much = 24 * 1024 * 1024;

char octet_at(std::size_t offset) {
  return static_cast<char>(offset * 31 + offset / 251);
}

// Writes `much` in pieces that name their place.
template <class Socket>
Awaitable<void> pour(Socket& socket, std::size_t& written) {
  std::string piece(32 * 1024, ' ');
  while (written < much) {
    for (std::size_t i = 0; i < piece.size(); ++i) piece[i] = octet_at(written + i);
    boost::system::error_code failure;
    co_await asio::async_write(socket, asio::buffer(piece),
                               asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return;
    written += piece.size();
  }
  boost::system::error_code ignored;
  socket.shutdown(asio::socket_base::shutdown_send, ignored);
}

// Reads to the end; how much of it was right.
template <class Socket>
Awaitable<std::size_t> drink(Socket& socket) {
  std::size_t right = 0;
  std::string piece(64 * 1024, ' ');
  for (;;) {
    boost::system::error_code failure;
    const std::size_t count = co_await socket.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failure));
    if (failure) co_return right;
    for (std::size_t i = 0; i < count; ++i) {
      if (piece[i] != octet_at(right)) co_return right;
      ++right;
    }
  }
}

}  // namespace

TEST_CASE(
    "an end that takes nothing holds up its own channel only, with bounded buffers, and nothing is lost") {
  if (no_sshd()) return;
  const Sshd bastion, router;
  Lab lab;
  const auto jump = lab.jump(bastion);
  auto other = lab.login(access_to("lab-1", router.port(), key_of(router), jump));
  REQUIRE_MESSAGE(other.has_value(), other.error().text);
  asio::ip::tcp::acceptor acceptor(lab.loop, {asio::ip::address_v4::loopback(), 0});
  auto stream = lab.run(jump->open(Context().within(30s), "127.0.0.1", acceptor.local_endpoint().port()));
  REQUIRE_MESSAGE(stream.has_value(), stream.error().text);
  asio::local::stream_protocol::socket near(lab.loop, asio::local::stream_protocol(), stream->take());
  asio::ip::tcp::socket far = acceptor.accept();

  std::size_t poured_near = 0, poured_far = 0;
  int poured = 0;
  asio::co_spawn(lab.loop, pour(near, poured_near), [&](std::exception_ptr) { ++poured; });
  asio::co_spawn(lab.loop, pour(far, poured_far), [&](std::exception_ptr) { ++poured; });
  for (int i = 0; i < 20; ++i) {
    const auto output = lab.command(**other, "seq 1 20000");
    REQUIRE_MESSAGE(output.has_value(), output.error().text);
    CHECK(output->text.size() == 108894);
  }
  // What the kernels, the jump host's windows and the pump hold together; the loop is ours, nothing more
  // goes.
  CHECK(poured_near < much);
  CHECK(poured_far < much);
  CHECK(poured == 0);

  std::size_t from_near = 0, from_far = 0;
  int drunk = 0;
  lab.start(drink(far), [&](std::size_t count) { from_near = count, ++drunk; });
  lab.start(drink(near), [&](std::size_t count) { from_far = count, ++drunk; });
  lab.run_until([&] { return drunk == 2 && poured == 2; });
  CHECK(from_near == much);
  CHECK(from_far == much);
  near.close();
  far.close();
  lab.run_until([&] { return jump->channels() == 1; });
}

TEST_CASE("the death of a jump host is one event: all behind it see it, one log line, one new login") {
  if (no_sshd()) return;
  const Sshd bastion, router;
  Lab lab;
  const auto jump = lab.jump(bastion);
  const auto factory = lab.factory(access_to("lab-1", router.port(), key_of(router), jump));
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 5; ++i) {
    auto session = lab.run(factory->login(Context().within(30s)));
    REQUIRE_MESSAGE(session.has_value(), session.error().text);
    sessions.push_back(std::move(*session));
  }
  int ended = 0;
  for (const auto& session : sessions) {
    Command what;
    what.text = "sleep 1000";
    lab.start(session->run(Context().within(50s), std::move(what)), [&](Result<CommandOutput> output) {
      ++ended;
      REQUIRE_FALSE(output);
      CHECK(output.error().code == ErrorCode::closed);
      CHECK(output.error().text.find("jump host bastion is lost") != std::string::npos);
    });
  }
  const auto serving = bastion.connections();
  REQUIRE(serving.size() == 1);
  ::kill(serving[0], SIGKILL);
  lab.run_until([&] { return ended == 5 && lab.count("jump host lost") > 0; });
  for (const auto& session : sessions) CHECK_FALSE(session->alive());
  CHECK(lab.count("jump host lost") == 1);

  int back = 0;
  ended = 0;
  for (int i = 0; i < 5; ++i) {
    lab.start(factory->login(Context().within(30s)), [&](Result<std::unique_ptr<Session>> session) {
      ++ended;
      if (session) ++back;
    });
  }
  lab.run_until([&] { return ended == 5; });
  CHECK(back == 5);
  CHECK(jump->logins() == 2);
  CHECK(lab.count("jump host lost") == 1);
}

TEST_CASE("a jump host that hangs behind a living TCP connection is lost in one event, an idle one is kept") {
  if (no_sshd()) return;
  const Sshd bastion, router;
  Lab lab;
  RouterAccess to_bastion = access_to("bastion", bastion.port(), key_of(bastion));
  to_bastion.connection.health_check_timeout = 500ms;
  const auto jump = lab.jump(to_bastion);
  const auto factory = lab.factory(access_to("lab-1", router.port(), key_of(router), jump));
  std::vector<std::unique_ptr<Session>> sessions;
  for (int i = 0; i < 3; ++i) {
    auto session = lab.run(factory->login(Context().within(30s)));
    REQUIRE_MESSAGE(session.has_value(), session.error().text);
    sessions.push_back(std::move(*session));
  }
  asio::steady_timer longer(lab.loop, 2s);  // than it may be silent
  bool over = false;
  longer.async_wait([&](boost::system::error_code) { over = true; });
  lab.run_until([&] { return over; });
  CHECK(lab.count("jump host lost") == 0);
  CHECK(lab.command(*sessions[0], "echo hello")->text == "hello\n");

  const auto serving = bastion.connections();
  REQUIRE(serving.size() == 1);
  ::kill(serving[0], SIGSTOP);
  int ended = 0;
  for (const auto& session : sessions) {
    Command what;
    what.text = "echo hello";
    lab.start(session->run(Context().within(50s), std::move(what)), [&](Result<CommandOutput> output) {
      ++ended;
      REQUIRE_FALSE(output);
      CHECK(output.error().code == ErrorCode::closed);
      CHECK(output.error().text.find("jump host bastion is lost: it has stopped answering") !=
            std::string::npos);
    });
  }
  lab.run_until([&] { return ended == 3 && lab.count("jump host lost") > 0; });
  CHECK(lab.count("jump host lost") == 1);
  ::kill(serving[0], SIGCONT);
  CHECK(lab.run(factory->login(Context().within(30s))));
  CHECK(jump->logins() == 2);
}

TEST_CASE("connects that a jump host never answers are so many and no more, and stop no other router's") {
  if (no_sshd()) return;
  const Sshd bastion;
  Lab lab;
  const auto jump = lab.jump(bastion);
  const SilentListener full(true);
  REQUIRE(lab.run(jump->ready(Context().within(30s))));
  std::size_t ended = 0;
  std::optional<Error> last;
  for (std::size_t i = 1; i <= 10; ++i) {
    lab.start(jump->open(Context().within(1ms), "127.0.0.1", full.port), [&](Result<JumpStream> stream) {
      REQUIRE_FALSE(stream);
      last = stream.error();
      ++ended;
    });
    lab.run_until([&] { return ended == i; });
  }
  CHECK(jump->channels() == 3);
  CHECK(last->code == ErrorCode::unreachable);
  CHECK(last->text == "jump host bastion: its last 3 connects to the router are still unanswered");
  CHECK(lab.run(jump->open(Context().within(30s), "127.0.0.1", bastion.port())));
}

TEST_CASE("each who waits for the jump host's login obeys its own context") {
  SshPeer::Options options;
  options.silent = SshPeer::Silent::in_authentication;
  const SshPeer bastion(options);
  Lab lab;
  RouterAccess to_bastion = access_to("bastion", bastion.port(), password("right"));
  to_bastion.connection.connect_timeout = 1500ms;
  to_bastion.connection.backoff.first = 10min;
  to_bastion.connection.backoff.max = 10min;
  const auto jump = lab.jump(to_bastion);
  const auto factory = lab.factory(access_to("lab-1", 1, password("right"), jump));
  std::vector<std::pair<int, Error>> ends;
  const auto wait_with = [&](int who, Context ctx) {
    lab.start(factory->login(std::move(ctx)), [&ends, who](Result<std::unique_ptr<Session>> session) {
      REQUIRE_FALSE(session);
      ends.emplace_back(who, session.error());
    });
  };
  std::stop_source stop;
  wait_with(1, Context().within(30s).stopped_by(stop.get_token()));
  wait_with(2, Context().within(50ms));
  wait_with(3, Context().within(30s));
  wait_with(4, Context().within(30s));
  asio::post(lab.loop, [&] { stop.request_stop(); });
  lab.run_until([&] { return ends.size() == 4; });
  CHECK(ends[0].first == 1);
  CHECK(ends[0].second.code == ErrorCode::cancelled);
  CHECK(ends[0].second.text == "lab-1: cancelled during the login to jump host bastion");
  CHECK(ends[1].first == 2);
  CHECK(ends[1].second.code == ErrorCode::deadline);
  for (const auto& [who, error] : {ends[2], ends[3]}) {  // the login's own time limit
    CHECK(error.code == ErrorCode::deadline);
    CHECK(error.phase == Phase::authentication);
    CHECK(error.text.starts_with("lab-1: jump host bastion (127.0.0.1:"));
  }
  CHECK(bastion.connections() == 1);
  const auto resting = lab.run(factory->login(Context().within(30s)));  // while it rests: at once, the same
  REQUIRE_FALSE(resting);
  CHECK(resting.error().text == ends[3].second.text);
  CHECK(bastion.connections() == 1);
  CHECK(lab.count("jump host login failed") == 1);
}

TEST_CASE("errors name the jump host, the phase and the cause") {
  if (no_sshd()) return;
  SUBCASE("the jump host rejects the login") {
    const SshPeer bastion;
    Lab lab;
    const auto jump = lab.jump(access_to("bastion", bastion.port(), password("wrong")));
    const auto refused = lab.login(access_to("lab-1", 1, password("right"), jump));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::authentication);
    CHECK(refused.error().text == "lab-1: jump host bastion (127.0.0.1:" + std::to_string(bastion.port()) +
                                      "): the router rejected the password of netmon");
  }
  SUBCASE("its host key is unknown: nothing is sent to it") {
    const Sshd bastion;
    Lab lab(Policy::strict);
    REQUIRE(lab.host_keys.load());
    const auto refused = lab.login(access_to("lab-1", 1, key_of(bastion), lab.jump(bastion)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::host_key);
    CHECK(refused.error().text.find("linewatch hostkey accept bastion") != std::string::npos);
    CHECK(bastion.log().find("userauth") == std::string::npos);
  }
  SUBCASE("nobody listens behind it") {
    const Sshd bastion;
    Lab lab;
    const std::uint16_t port = linewatch::test::free_port();
    const auto refused = lab.login(access_to("lab-1", port, key_of(bastion), lab.jump(bastion)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::unreachable);
    CHECK(refused.error().phase == Phase::tcp_connect);
    CHECK(refused.error().text == "lab-1 (127.0.0.1:" + std::to_string(port) +
                                      " via bastion): jump host bastion: cannot connect to the router: "
                                      "Connection refused");
  }
  SUBCASE("it forwards nothing") {
    Sshd::Options options;
    options.extra = "AllowTcpForwarding no";
    const Sshd bastion(options);
    Lab lab;
    const auto refused = lab.login(access_to("lab-1", 1, key_of(bastion), lab.jump(bastion)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::unreachable);
    CHECK(refused.error().text.find("jump host bastion: does not permit") != std::string::npos);
  }
}

TEST_CASE("one account for jump host and routers is no dead-lock, although it is tried once at a time") {
  if (no_sshd()) return;
  const Sshd bastion;
  Lab lab;
  LockoutGuard guard(lab.loop.get_executor());
  config::Lockout rule;
  rule.rejections = 1;
  const auto guarded = [&](RouterAccess access) {
    std::vector<GuardedLogin> logins;
    logins.push_back(
        {Account{"lab", "lab", rule},
         make_ssh_session_factory(lab.loop.get_executor(), lab.resolver, lab.host_keys, access, lab.log)});
    return make_guarded_factory(guard, std::move(logins));
  };
  RouterAccess to_bastion = access_to("bastion", bastion.port(), key_of(bastion));
  to_bastion.use = RouterAccess::Use::jump;
  const auto jump =
      JumpHost::make(lab.loop.get_executor(), "bastion", to_bastion.connection, guarded(to_bastion), lab.log);
  lab.jumps.push_back(jump);
  const auto behind =
      make_factory_behind(jump, guarded(access_to("lab-1", bastion.port(), key_of(bastion), jump)), "lab-1");
  const auto session = lab.run(behind->login(Context().within(30s)));
  CHECK_MESSAGE(session.has_value(), session.error().text);
}

TEST_CASE("a jump host behind a jump host") {
  if (no_sshd()) return;
  const Sshd outer, inner, router;
  Lab lab;
  const auto first = lab.jump(access_to("outer", outer.port(), key_of(outer)));
  const auto second = lab.jump(access_to("inner", inner.port(), key_of(inner), first));
  auto session = lab.login(access_to("lab-1", router.port(), key_of(router), second));
  REQUIRE_MESSAGE(session.has_value(), session.error().text);
  CHECK(lab.command(**session, "seq 1 20000")->text.size() == 108894);
  CHECK(first->channels() == 1);
  CHECK(second->channels() == 1);
  const auto serving = outer.connections();
  REQUIRE(serving.size() == 1);
  ::kill(serving[0], SIGKILL);
  lab.run_until([&] { return lab.count("jump host lost") == 2; });
  CHECK_FALSE((*session)->alive());
}

TEST_CASE("a jump host that nobody needs any more is left, and logged in to again") {
  if (no_sshd()) return;
  const Sshd bastion, router;
  Lab lab;
  RouterAccess to_bastion = access_to("bastion", bastion.port(), key_of(bastion));
  to_bastion.connection.idle_timeout = 50ms;
  const auto jump = lab.jump(to_bastion);
  const RouterAccess access = access_to("lab-1", router.port(), key_of(router), jump);
  {
    auto session = lab.login(access);
    REQUIRE_MESSAGE(session.has_value(), session.error().text);
    asio::steady_timer longer(lab.loop, 200ms);  // than the idle time
    bool over = false;
    longer.async_wait([&](boost::system::error_code) { over = true; });
    lab.run_until([&] { return over; });
    CHECK(lab.command(**session, "echo in use")->text == "in use\n");
  }
  lab.run_until([&] { return bastion.connections().empty(); });
  CHECK(lab.count("jump host lost") == 0);
  CHECK(lab.login(access));
  CHECK(jump->logins() == 2);
}

TEST_CASE("a host key is scanned through a jump host") {
  if (no_sshd()) return;
  const Sshd bastion, router;
  Lab lab;
  Peer peer;
  peer.address = "127.0.0.1";
  peer.port = router.port();
  peer.via = lab.jump(bastion);
  const auto key = lab.run(scan_host_key(Context().within(20s), lab.resolver, peer));
  REQUIRE_MESSAGE(key.has_value(), key.error().text);
  CHECK(key->fingerprint() == router.host_fingerprint());
  CHECK(router.log().find("Accepted") == std::string::npos);
}

TEST_CASE(
    "a login through a jump host ends with its time limit and with a stop in every phase, and leaves "
    "nothing") {
  if (no_sshd()) return;
  const Sshd bastion;
  Lab lab;
  const auto jump = lab.jump(bastion);
  const SilentListener full(true), mute;
  SshPeer::Options in_authentication, in_channel, before_prompt;
  in_authentication.silent = SshPeer::Silent::in_authentication;
  in_channel.silent = SshPeer::Silent::in_channel;
  before_prompt.silent = SshPeer::Silent::before_prompt;
  REQUIRE(lab.run(jump->ready(Context().within(30s))));
  REQUIRE_FALSE(lab.login(access_to("lab-1", 1, password("right"), jump)));  // what is opened once for all
  lab.run_until([&] { return jump->channels() == 0; });
  const auto fails = [&](std::uint16_t port, bool by_stop, Phase phase, ErrorCode late,
                         Clock::duration after) {
    const RouterAccess access = access_to("lab-1", port, password("right"), jump);
    CAPTURE(to_string(phase));
    CAPTURE(by_stop);
    std::stop_source stop;
    asio::steady_timer timer(lab.loop, after);
    if (by_stop) timer.async_wait([stop](boost::system::error_code) mutable { stop.request_stop(); });
    const Context ctx = Context().within(by_stop ? Clock::duration(30s) : after).stopped_by(stop.get_token());
    const auto failed = lab.login(access, ctx);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == (by_stop ? ErrorCode::cancelled : late));
    CHECK(failed.error().phase == phase);
    CHECK(failed.error().text.find("bastion") != std::string::npos);
  };
  const int before = open_descriptors();
  for (const bool by_stop : {false, true}) {
    fails(full.port, by_stop, Phase::tcp_connect, ErrorCode::unreachable, 100ms);
    fails(mute.port, by_stop, Phase::key_exchange, ErrorCode::deadline, 500ms);
    for (const auto& [options, phase, late] :
         {std::tuple(in_authentication, Phase::authentication, ErrorCode::deadline),
          std::tuple(in_channel, Phase::channel, ErrorCode::deadline),
          std::tuple(before_prompt, Phase::prompt, ErrorCode::no_prompt)}) {
      const SshPeer router(options);
      fails(router.port(), by_stop, phase, late, 1500ms);
    }
  }
  // Two connects have no answer yet, and no descriptor of ours; all the others are gone.
  lab.run_until([&] { return jump->channels() == 2; });
  CHECK(open_descriptors() == before);
  CHECK(jump->logins() == 1);
}

TEST_CASE("a hundred logins through a jump host cut off anywhere leave no descriptor and no channel behind") {
  if (no_sshd()) return;
  const Sshd bastion, router;
  Lab lab;
  const auto jump = lab.jump(bastion);
  const RouterAccess access = access_to("lab-1", router.port(), key_of(router), jump);
  {
    REQUIRE(lab.login(access));
  }
  lab.run_until([&] { return jump->channels() == 0; });
  const int before = open_descriptors();
  int finished = 0;
  for (int i = 0; i < 100; ++i) {
    std::stop_source stop;
    asio::steady_timer timer(lab.loop, std::chrono::microseconds(300 * i));
    timer.async_wait([stop](boost::system::error_code) mutable { stop.request_stop(); });
    const auto session = lab.login(access, Context().within(30s).stopped_by(stop.get_token()));
    // Beyond some connects that a slow jump host has not answered yet the next would be refused.
    lab.run_until([&] { return jump->channels() <= (session ? 1U : 0U); });
    if (session) ++finished;
    if (!session) {
      CAPTURE(session.error().text);
      CHECK(session.error().code == ErrorCode::cancelled);
    }
  }
  lab.run_until([&] { return jump->channels() == 0; });
  CHECK(open_descriptors() == before);
  CHECK(finished < 100);
  CHECK(jump->logins() == 1);
}

TEST_CASE("closing a jump host ends its login and those who wait for it") {
  SshPeer::Options options;
  options.silent = SshPeer::Silent::in_authentication;
  const SshPeer bastion(options);
  Lab lab;
  const auto jump = lab.jump(access_to("bastion", bastion.port(), password("right")));
  bool ended = false;
  lab.start(jump->ready(Context().within(30s)), [&](Result<void> ready) {
    ended = true;
    CHECK_FALSE(ready);
  });
  lab.run_until([&] { return bastion.connections() == 1; });
  lab.run(jump->close(Context().within(10s)));
  lab.run_until([&] { return ended; });
  const auto late = lab.run(jump->ready(Context().within(30s)));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::shutting_down);
}

}  // namespace linewatch::connection
