// A thousand cancellations in every phase that can be stuck, fifty at a time: each ends as cancelled in that
// phase, and neither a session nor a descriptor is left. Under AddressSanitizer no octet either.

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <utility>

#include "config/platform_loader.hpp"
#include "tests/connection/ssh/lab.hpp"
#include "tests/support/simulator_thread.hpp"

namespace linewatch::connection {
namespace {

using namespace std::chrono_literals;
using linewatch::test::SimulatorThread;
using test::Lab;
using test::open_descriptors;
namespace asio = boost::asio;

constexpr int at_once = 50, batches = 20;
constexpr const char* ping = "ping 198.51.100.2 repeat 5 timeout 2";

std::shared_ptr<const config::Platform> cisco() {
  config::Platforms platforms;
  config::Problems problems;
  const std::string text(config::builtin_profile_text("cisco_iosxe"));
  config::load_profiles({{"cisco_iosxe.yaml", text, "built in"}}, platforms, problems);
  return platforms.find("cisco_iosxe");
}

// Fifty logins, or commands of sessions that were logged in before, on one loop.
struct Crowd {
  explicit Crowd(std::uint16_t port) : lab(port) {
    lab.access.platform = cisco();
    lab.with_password("netmon", "secret");
    lab.trace = [this](TraceDirection, std::string_view note) {
      if (note.starts_with("host key ")) ++key_exchanges;  // authentication comes next
    };
    factory = make_ssh_session_factory(lab.loop.get_executor(), lab.resolver, lab.host_keys, lab.access,
                                       nullptr, lab.trace);
  }
  template <class Condition>
  void run_until(Condition condition) {
    lab.loop.restart();
    const auto limit = Clock::now() + 60s;
    while (!condition() && Clock::now() < limit) lab.loop.run_for(2ms);  // asking the other thread is dear
    REQUIRE(condition());
  }
  void start_logins() {
    for (auto& stop : stops) {
      stop = std::stop_source();
      start(factory->login(Context().stopped_by(stop.get_token())), [this](auto& session) {
        REQUIRE_FALSE(session);
        ended(session.error());
      });
    }
  }
  void log_in() {
    std::size_t done = 0;
    for (auto& session : sessions) {
      start(factory->login(Context().within(60s)), [&](auto& made) {
        REQUIRE_MESSAGE(made.has_value(), made.error().text);
        session = std::move(*made);
        ++done;
      });
    }
    run_until([&] { return done == sessions.size(); });
  }
  void start_commands() {
    for (std::size_t i = 0; i < stops.size(); ++i) {
      stops[i] = std::stop_source();
      Command command;
      command.text = ping;
      command.output_limit = std::size_t{1} << 30;
      const Context ctx = Context().stopped_by(stops[i].get_token());
      start(sessions[i]->run(ctx, std::move(command)), [this, i](auto& output) {
        REQUIRE_FALSE(output);
        sessions[i].reset();
        ended(output.error());
      });
    }
  }
  void cancel_all() {
    const int before = cancelled;
    for (auto& stop : stops) stop.request_stop();
    run_until([&] { return cancelled == before + at_once; });
  }

 private:
  template <class T, class Done>
  void start(Awaitable<T> operation, Done done) {
    asio::co_spawn(lab.loop, std::move(operation), [done](std::exception_ptr bug, T result) {
      if (bug) std::rethrow_exception(bug);
      done(result);
    });
  }
  void ended(const Error& error) {
    ++cancelled;
    if (error.code != ErrorCode::cancelled || error.phase != phase) strays += error.text + '\n';
  }

 public:
  Lab lab;
  std::unique_ptr<SessionFactory> factory;
  std::array<std::unique_ptr<Session>, at_once> sessions;
  std::array<std::stop_source, at_once> stops;
  Phase phase = Phase::tcp_connect;  // that all are cancelled in
  int key_exchanges = 0, cancelled = 0;
  std::string strays;  // errors of another code or phase
};

sim::RouterConfig router_with(sim::Faults faults) {
  sim::RouterConfig router;
  router.password = "secret";
  router.faults = std::move(faults);
  router.chunk = 1024;  // an endless output in pieces, so that the machine has time for all of them
  router.chunk_delay = 5ms;
  return router;
}

}  // namespace

TEST_CASE("a thousand connects that nobody answers are cancelled without a trace") {
  const test::SilentListener full(true);
  Crowd crowd(full.port);
  crowd.start_logins();
  crowd.cancel_all();  // what is opened once for all
  const int before = open_descriptors();
  for (int batch = 0; batch < batches; ++batch) {
    crowd.start_logins();
    crowd.run_until([&] { return open_descriptors() == before + at_once; });  // each waits for its connect
    crowd.cancel_all();
    CHECK(open_descriptors() == before);
  }
  CHECK(crowd.cancelled == at_once * (batches + 1));
  CHECK(crowd.strays.empty());
}

TEST_CASE("a thousand logins and commands stuck in any later phase are cancelled without a trace") {
  struct Row {
    const char* name;
    Phase phase;
    sim::Faults faults;
  };
  using Silent = sim::Faults::Silent;
  sim::Faults endless;
  endless.endless = true;
  for (const Row& row : {Row{"silent after TCP", Phase::key_exchange, {.silent = Silent::tcp}},
                         Row{"stalled in authentication", Phase::authentication, {.silent = Silent::auth}},
                         Row{"never-ending output", Phase::read, endless},
                         Row{"silent command", Phase::read, {.silent = Silent::command}}}) {
    CAPTURE(std::string(row.name));
    const int before = open_descriptors();
    {
      SimulatorThread routers({router_with(row.faults)});
      const sim::RouterInfo router = routers.simulator.routers().at(0);
      Crowd crowd(router.port);
      crowd.phase = row.phase;
      for (int batch = 1; batch <= batches; ++batch) {
        const int many = at_once * batch;
        switch (row.phase) {
          case Phase::key_exchange:
            crowd.start_logins();
            crowd.run_until([&] { return std::cmp_equal(routers.counts(router.name).connections, many); });
            crowd.lab.loop.poll();  // this side may be the last to notice that it is connected
            break;
          case Phase::authentication:
            crowd.start_logins();
            crowd.run_until([&] { return crowd.key_exchanges == many; });
            break;
          default:
            crowd.log_in();
            const auto typed = routers.counts(router.name).commands;
            crowd.start_commands();
            crowd.run_until([&] { return routers.counts(router.name).commands == typed + at_once; });
            break;
        }
        crowd.cancel_all();
      }
      CHECK(crowd.cancelled == at_once * batches);
      CHECK(crowd.strays.empty());
      crowd.run_until([&] { return routers.counts(router.name).sessions == 0; });  // as the router counts
    }
    CHECK(open_descriptors() == before);
  }
}

}  // namespace linewatch::connection
