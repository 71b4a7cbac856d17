#include "agent/items/figures.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "agent/status_json.hpp"
#include "agent/version.hpp"
#include "aggregator/text.hpp"

namespace linewatch::agent {

using connection::Histogram;

namespace {

// By the words of `linewatch status`. A pool that logs in, or rests since nobody asks, is what it was: well,
// if it ever was in.
std::optional<RouterStatus> status_of(std::string_view state, bool was_in) {
  constexpr std::pair<std::string_view, RouterStatus> words[] = {
      {"ok", RouterStatus::ok},
      {"unreachable", RouterStatus::unreachable},
      {"not_supported", RouterStatus::unreachable},
      {"login_refused", RouterStatus::login_refused},
      {"host_key", RouterStatus::host_key_changed},
      {"session_limit", RouterStatus::session_limit},
      {"paused", RouterStatus::paused},
  };
  for (const auto& [word, status] : words)
    if (state == word) return status;
  const bool rests = state == "connecting" || state == "idle";
  return rests && was_in ? std::optional(RouterStatus::ok) : std::nullopt;
}

int badness(std::optional<RouterStatus> status) {
  constexpr std::array best_first = {
      RouterStatus::ok,          RouterStatus::paused,        RouterStatus::session_limit,
      RouterStatus::unreachable, RouterStatus::login_refused, RouterStatus::host_key_changed};
  if (!status) return -1;
  return static_cast<int>(std::ranges::find(best_first, *status) - best_first.begin());
}

bool logged_in(const connection::SessionSnapshot& session) {
  return session.state != connection::SlotState::connecting &&
         session.state != connection::SlotState::closing;
}

void add(aggregator::Items& items, const char* key, std::uint64_t value) {
  items.add(key, std::to_string(value));
}

void add(aggregator::Items& items, const char* key, double value) {
  if (const auto text = aggregator::decimal(value)) items.add(key, *text);
}

}  // namespace

void RouterFigures::add(const RouterFigures& other, const std::string& name) {
  constexpr std::size_t longest = 2000;  // one cause often is that of many
  if (badness(other.status) > badness(status)) status = other.status;
  sessions += other.sessions;
  logins += other.logins;
  if (other.error.empty() || error.size() > longest) return;
  if (!error.empty()) error += "; ";
  error += name + ": " + other.error;
}

RouterFigures figures_of(const connection::PoolSnapshot& pool, bool paused) {
  RouterFigures figures;
  figures.logins = pool.statistics.login_time;
  figures.status = status_of(router_state(pool, paused), figures.logins.count() > 0);
  figures.sessions = static_cast<int>(std::ranges::count_if(pool.sessions, logged_in));
  if (figures.status == RouterStatus::paused) {
    figures.error = "paused by command";
  } else if (figures.status && figures.status != RouterStatus::ok && pool.last_login_error) {
    figures.error = pool.last_login_error->text;
  }
  return figures;
}

aggregator::Items items_of(const RouterFigures& figures, const Histogram& logins_before) {
  aggregator::Items items;
  add(items, "router.sessions", static_cast<std::uint64_t>(figures.sessions));
  const Histogram logins = figures.logins.since(logins_before);
  if (logins.count() > 0) add(items, "router.login.time", logins.sum() / static_cast<double>(logins.count()));
  items.add("router.error", aggregator::valid_text(figures.error));
  add(items, "router.status", static_cast<std::uint64_t>(figures.status.value_or(RouterStatus::unreachable)));
  return items;
}

aggregator::Items items_of(const AgentFigures& figures, const Histogram& lateness_before) {
  std::uint64_t queued = 0, dropped = figures.gone_dropped, refused = figures.gone_refused;
  for (const aggregator::DestinationStatistics& destination : figures.destinations) {
    queued = std::max(queued, destination.queued);
    dropped += destination.dropped;
    refused += destination.failed;
  }
  aggregator::Items items;
  items.add("linewatch.version", LINEWATCH_VERSION);
  add(items, "linewatch.routers", std::uint64_t{figures.routers});
  add(items, "linewatch.lines", std::uint64_t{figures.lines});
  const Histogram lateness = figures.turns.lateness.since(lateness_before);
  if (lateness.count() > 0) add(items, "linewatch.lateness", lateness.quantile(0.99));
  add(items, "linewatch.skipped",
      figures.turns.skipped() - figures.turns.skipped(scheduler::SkipReason::paused) -
          figures.turns.skipped(scheduler::SkipReason::restart));
  add(items, "linewatch.queue", queued);
  add(items, "linewatch.dropped", dropped);
  add(items, "linewatch.refused", refused);
  items.add("linewatch.up", "1");
  return items;
}

}  // namespace linewatch::agent
