// How evenly callers wait when there are more tasks than sessions: in order of arrival nobody waits much
// longer than another.

#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

using namespace connection;
using namespace std::chrono_literals;

namespace {

constexpr int sessions = 4, tasks = 64, turns = 60, unmeasured_turns = 5;

Awaitable<void> keep_asking(Pool& pool, std::vector<double>& waited) {
  for (int i = 0; i < turns; ++i) {
    const Context ctx = Context().within(60s);
    const TimePoint asked = Clock::now();
    auto lease = co_await pool.acquire(ctx);
    const std::chrono::duration<double, std::milli> wait = Clock::now() - asked;
    if (!lease) give_up("no session: " + lease.error().text);
    if (i >= unmeasured_turns && i < turns - unmeasured_turns) waited.push_back(wait.count());
    Command command;
    command.text = ping;
    Session& session = lease->session();
    auto output = co_await session.run(ctx, std::move(command));
    if (!output) give_up("no answer: " + output.error().text);
  }
}

}  // namespace

void measure_waiting(const Server& server) {
  Lab lab(server);
  PoolPolicy policy;
  policy.max_connections = policy.min_connections = sessions;
  policy.max_uses = 1'000'000'000;
  const auto pool = lab.pool("r1", policy);
  std::vector<double> waited;
  for (int i = 0; i < tasks; ++i) lab.start(keep_asking(*pool, waited));
  lab.run();
  print_row("waiting", percentile(waited, 0.99), percentile(waited, 0.5));
  lab.start(pool->drain(Context().within(20s)));
  lab.run();
}

}  // namespace linewatch::bench
