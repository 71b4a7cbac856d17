#include "connection/pool/pool.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <utility>

namespace linewatch::connection {

namespace asio = boost::asio;

namespace {

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// Whether trying the same login again may help at once; a rejected password or a changed key will not get
// better, and each try counts against the account.
bool worth_retrying(ErrorCode code) {
  switch (code) {
    case ErrorCode::authentication:
    case ErrorCode::no_way_in:
    case ErrorCode::host_key:
    case ErrorCode::cancelled:
    case ErrorCode::session_limit:
    case ErrorCode::not_supported:
      return false;
    default:
      return true;
  }
}

// One source for all pools of a thread: making one costs more than the rest of a pool.
unsigned any_seed() {
  thread_local std::random_device source;
  return source();
}

}  // namespace

// --- Lease
// ---------------------------------------------------------------------------------------------------------

Lease::Lease(std::shared_ptr<Pool> pool, Ticket ticket, Session& session, bool fresh)
    : pool_(std::move(pool)), ticket_(ticket), session_(&session), fresh_(fresh) {}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::move(other.pool_)), ticket_(other.ticket_), session_(other.session_), fresh_(other.fresh_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    give_back();
    pool_ = std::move(other.pool_);
    ticket_ = other.ticket_;
    session_ = other.session_;
    fresh_ = other.fresh_;
  }
  return *this;
}

void Lease::rename(std::string holder) {
  pool_->seat(ticket_).holder = std::move(holder);
}

void Lease::give_back() {
  if (auto pool = std::move(pool_)) pool->give_back(ticket_);
}

// --- Pool
// ----------------------------------------------------------------------------------------------------------

std::shared_ptr<Pool> Pool::make(asio::any_io_executor loop, std::string router, PoolPolicy policy,
                                 std::unique_ptr<SessionFactory> factory, std::shared_ptr<spdlog::logger> log,
                                 std::shared_ptr<Gate> gate) {
  return std::shared_ptr<Pool>(new Pool(std::move(loop), std::move(router), policy, std::move(factory),
                                        std::move(log), std::move(gate)));
}

Pool::Pool(asio::any_io_executor loop, std::string router, PoolPolicy policy,
           std::unique_ptr<SessionFactory> factory, std::shared_ptr<spdlog::logger> log,
           std::shared_ptr<Gate> gate)
    : loop_(std::move(loop)),
      router_(router),
      factory_(std::move(factory)),
      gate_(std::move(gate)),
      log_(std::move(log)),
      core_(std::move(router), policy, any_seed(), Clock::now()),
      timer_(loop_),
      drained_(loop_, TimePoint::max()),
      left_(loop_) {
  furnish();
}

Pool::~Pool() = default;

void Pool::start() {
  core_.start(Clock::now());
  step();
}

void Pool::rest() {
  log_->debug("sessions are closed when they idle router={}", router_);
  core_.rest(Clock::now());
  step();
}

// Executes what the core decided. An operation may fail before it first waits and so report from inside this
// loop; its actions then join the queue instead of nesting.
void Pool::step() {
  if (executing_) return;
  executing_ = true;
  while (!core_.actions().empty()) {
    executed_.swap(core_.actions());
    for (Action& action : executed_) execute(action);
    executed_.clear();
  }
  executing_ = false;
  arm_timer();
}

void Pool::execute(Action& action) {
  auto self = shared_from_this();
  const auto run = [&](auto operation) {
    asio::co_spawn(loop_, std::move(operation), [self](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
    });
  };
  switch (action.kind) {
    case Action::Kind::grant:
    case Action::Kind::refuse:
      answer(action);
      break;
    case Action::Kind::login:
      run(log_in(action.ticket));
      break;
    case Action::Kind::check:
      run(check(action.ticket));
      break;
    case Action::Kind::recover:
      run(recover(action.ticket));
      break;
    case Action::Kind::close:
      run(close(action.ticket, action.reason));
      break;
    case Action::Kind::leak:
      log_->warn("a session is borrowed for {:.0f} s and not given back router={} holder={}",
                 seconds(core_.policy().leak_warning), router_, seat(action.ticket).holder);
      break;
    case Action::Kind::abort_login:
      seat(action.ticket).stop.request_stop();
      break;
    case Action::Kind::drained:
      log_->debug("all sessions are closed router={}", router_);
      is_drained_ = true;
      drained_.cancel();
      timer_.cancel();
      gone_ = true;
      left_.ring();
      break;
  }
}

void Pool::answer(Action& action) {
  auto found = answers_.extract(action.waiter);
  if (!found.empty()) {
    found.mapped()(std::move(action));
  } else if (action.kind == Action::Kind::grant) {
    core_.release(Clock::now(), action.ticket, Returned::clean);  // nobody to take it; cannot happen
  }
}

// Wake-ups mostly move to later ones: the timer is then left where it is and set anew when it has expired.
void Pool::arm_timer() {
  const TimePoint next = is_drained_ ? TimePoint::max() : core_.next_wakeup();
  if (next >= armed_ && next != TimePoint::max()) return;
  if (next == armed_) return;
  armed_ = next;
  if (next == TimePoint::max()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(next);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    auto self = weak.lock();
    if (!self || error) return;
    self->armed_ = TimePoint::max();
    self->core_.tick(Clock::now());
    self->step();
  });
}

// A seat for each slot.
void Pool::furnish() {
  while (seats_.size() < static_cast<std::size_t>(core_.slots())) seats_.push_back(std::make_unique<Seat>());
}

// --- callers
// -------------------------------------------------------------------------------------------------------

Awaitable<Result<Lease>> Pool::acquire(Context ctx, std::string holder) {
  auto self = shared_from_this();
  const TimePoint asked = Clock::now();
  if (ctx.stopped()) co_return fail(ErrorCode::cancelled, Phase::waiting, router_ + ": cancelled");
  forget_lost_sessions(asked);
  const WaiterId waiter = core_.acquire(asked, ctx.deadline());
  if (!executing_ &&
      core_.actions().size() == 1) {  // nearly always: a session idled, and nothing else changes
    const Action& only = core_.actions().front();
    if (only.kind == Action::Kind::grant && only.waiter == waiter) {
      const Action grant = std::move(core_.actions().front());
      core_.actions().clear();
      arm_timer();
      log_waits(grant);
      seat(grant.ticket).holder = std::move(holder);
      co_return Lease(self, grant.ticket, *seat(grant.ticket).session, grant.fresh);
    }
  }

  // The answer may lie in the core's actions already; it is delivered by step(), through the loop, in order.
  auto initiate = [this, waiter](auto handler) {
    answers_.emplace(waiter, [this, handler = std::move(handler)](Action action) mutable {
      asio::post(loop_, [handler = std::move(handler), action = std::move(action)]() mutable {
        std::move(handler)(std::move(action));
      });
    });
    step();
  };
  std::stop_callback on_stop(ctx.stop(), [weak = weak_from_this(), loop = loop_, waiter] {
    asio::post(loop, [weak, waiter] {
      auto pool = weak.lock();
      if (!pool) return;
      pool->core_.cancel(Clock::now(), waiter);
      pool->step();
    });
  });
  Action action = co_await asio::async_initiate<decltype(asio::use_awaitable), void(Action)>(
      initiate, asio::use_awaitable);

  log_waits(action);
  if (action.kind == Action::Kind::refuse) {
    if (action.error.code == ErrorCode::cancelled) log_->debug("acquire cancelled: {}", action.error.text);
    co_return std::unexpected(std::move(action.error));
  }
  seat(action.ticket).holder = std::move(holder);
  co_return Lease(self, action.ticket, *seat(action.ticket).session, action.fresh);
}

void Pool::log_waits(const Action& answer) {
  const TimePoint now = Clock::now();
  if (answer.kind == Action::Kind::grant) {
    if (const auto times = waits_in_vain_.ended(now))
      log_->info("sessions come in time again router={} waits_in_vain={}", router_, *times);
  } else if (answer.error.code == ErrorCode::acquire_timeout && waits_in_vain_.add(now)) {
    log_->warn("no session in time: {}", answer.error.text);
  }
}

// A router may close a session that idles; nobody shall be given that one.
void Pool::forget_lost_sessions(TimePoint now) {
  for (int i = 0; i < core_.slots(); ++i) {
    const bool idle = core_.state(i) == SlotState::idle;
    if (idle && !seats_[static_cast<std::size_t>(i)]->session->alive()) session_lost(i, now);
  }
}

// Whoever uses or checks the session sees it without being told, and the pool when it comes back.
void Pool::hung_up(int slot) {
  if (slot >= core_.slots() || core_.state(slot) != SlotState::idle) return;
  session_lost(slot, Clock::now());
  step();
}

void Pool::session_lost(int slot, TimePoint now) {
  constexpr auto said_for =
      std::chrono::hours(1);  // one with a short time limit for idle lines does it always
  const bool say = now >= say_losses_from_;
  if (say) say_losses_from_ = now + said_for;
  log_->log(say ? spdlog::level::info : spdlog::level::debug,
            "the router closed an idle session router={} idle_seconds={:.0f} uses={}", router_,
            seconds(now - core_.since(slot)), core_.uses(slot));
  core_.session_lost(now, core_.ticket(slot));
}

void Pool::give_back(Ticket ticket) {
  Session& session = *seat(ticket).session;
  Returned returned = Returned::clean;
  if (!session.alive()) {
    returned = Returned::lost;
  } else if (session.dirty()) {
    returned = Returned::dirty;
  }
  core_.release(Clock::now(), ticket, returned);
  step();
}

PoolSnapshot Pool::snapshot() const {
  const TimePoint now = Clock::now();
  PoolSnapshot shot;
  shot.router = router_;
  shot.max_connections = core_.policy().max_connections;
  shot.effective_maximum = core_.maximum();
  shot.min_connections = core_.policy().min_connections;
  shot.waiting = core_.waiting();
  for (int i = 0; i < core_.slots(); ++i) {
    const SlotState state = core_.state(i);
    if (state == SlotState::vacant) continue;
    SessionSnapshot session;
    session.slot = i;
    session.state = state;
    if (state != SlotState::connecting) session.age = now - core_.born(i);
    session.in_state = now - core_.since(i);
    session.uses = core_.uses(i);
    if (state == SlotState::leased) session.holder = seats_[static_cast<std::size_t>(i)]->holder;
    shot.sessions.push_back(std::move(session));
  }
  shot.statistics = core_.statistics();
  shot.last_login_error = core_.last_login_error();
  shot.next_login_in = std::max(core_.next_login() - now, Clock::duration::zero());
  shot.draining = core_.draining();
  shot.breaker_open = core_.breaker_open();
  shot.hints = core_.hints(now);
  return shot;
}

Awaitable<void> Pool::drain(Context ctx) {
  auto self = shared_from_this();
  core_.drain(Clock::now());
  step();
  if (is_drained_) co_return;
  std::stop_callback on_stop(ctx.stop(),
                             [self] { asio::post(self->loop_, [self] { self->drained_.cancel(); }); });
  boost::system::error_code ignored;
  drained_.expires_at(ctx.stopped() ? Clock::now() : ctx.deadline());
  if (!is_drained_) co_await drained_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (is_drained_) co_return;

  // Out of time: whatever still runs is stopped, and its end is waited for; nothing outlives the pool.
  log_->warn("{} sessions could not be logged out in time router={}", core_.live(), router_);
  for (const auto& each : seats_) each->stop.request_stop();
  drained_.expires_at(Clock::now() + std::chrono::milliseconds(200));
  if (!is_drained_) co_await drained_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  gone_ = true;
  left_.ring();
}

void Pool::follow(const std::shared_ptr<Pool>& leaver) {
  if (!leaver->gone_) leavers_.push_back(leaver);
}

void Pool::reconfigure(PoolPolicy policy) {
  log_->debug("other limits router={} max_connections={} min_connections={}", router_, policy.max_connections,
              policy.min_connections);
  core_.reconfigure(Clock::now(), policy);
  furnish();
  step();
}

void Pool::renew(std::unique_ptr<SessionFactory> factory) {
  log_->debug("all sessions are to be replaced router={}", router_);
  factory_ = std::move(factory);
  core_.renew(Clock::now());
  step();
}

// --- operations
// ----------------------------------------------------------------------------------------------------

// Every operation of the pool's own has a time limit and a stop of its own: a caller that gives up wastes no
// login.
Context Pool::limited(Ticket ticket, Clock::duration limit) {
  seat(ticket).stop = std::stop_source();
  return Context(TimePoint::max(), seat(ticket).stop.get_token()).within(limit);
}

Awaitable<void> Pool::log_in(Ticket ticket) {
  auto self = shared_from_this();
  const Context queueing = limited(ticket, Clock::duration::max());
  Result<Gate::Unit> login_unit = co_await pass_gate(queueing, ticket);
  if (!login_unit) {
    login_failed(ticket, std::move(login_unit.error()));
    step();
    co_return;
  }
  const TimePoint began = Clock::now();
  core_.login_began(began, ticket);
  const Context ctx = queueing.within(core_.policy().retry_timeout);
  Result<std::unique_ptr<Session>> session = co_await try_logins(ctx);
  login_unit->reset();
  if (session) {
    seat(ticket).session = std::move(*session);
    seat(ticket).session->on_hang_up([weak = weak_from_this(), slot = ticket.slot] {
      if (const auto pool = weak.lock()) pool->hung_up(slot);
    });
    log_login_success(Clock::now() - began);
    core_.login_succeeded(Clock::now(), ticket);
  } else {
    login_failed(ticket, std::move(session.error()));
  }
  step();
}

// Several logins may wait for the same one, and each looks anew when it is woken.
Awaitable<void> Pool::wait_for_leavers(Context ctx) {
  while (!leavers_.empty() && !ctx.stopped()) {
    const std::shared_ptr<Pool> leaver = leavers_.back().lock();
    if (leaver && !leaver->gone_) {
      co_await leaver->left_.wait(ctx);
    } else {
      leavers_.pop_back();
    }
  }
}

// The unit of the session goes to its seat, where a replacement finds it.
Awaitable<Result<Gate::Unit>> Pool::pass_gate(Context ctx, Ticket ticket) {
  co_await wait_for_leavers(ctx);
  if (ctx.stopped()) co_return fail(ErrorCode::cancelled, Phase::waiting, "cancelled before the login");
  if (!gate_) co_return Result<Gate::Unit>();
  const bool alone = core_.live() == 1;  // of the pool's sessions, those that log in or out, too
  const auto rank = alone ? GateQueue::Rank::first : GateQueue::Rank::further;
  Seat& its = seat(ticket);
  its.at_gate = true;
  auto passed = co_await gate_->enter(ctx, rank, its.unit);
  its.at_gate = false;
  co_return passed;
}

// After step(), which may have begun a replacement already.
void Pool::release_unit(Ticket ticket) {
  const bool gone = ticket.slot >= core_.slots() || core_.state(ticket.slot) == SlotState::vacant;
  if (!gone) return;
  for (int i = 0; i < core_.slots(); ++i) {  // the replacement may have another slot
    Seat& successor = *seats_[static_cast<std::size_t>(i)];
    if (core_.state(i) == SlotState::connecting && !successor.unit && !successor.at_gate) {
      successor.unit = std::move(seat(ticket).unit);
      return;
    }
  }
  seat(ticket).unit.reset();
}

Awaitable<Result<std::unique_ptr<Session>>> Pool::try_logins(Context ctx) {
  const PoolPolicy policy = core_.policy();
  Error last;
  for (int attempt = 1; attempt <= policy.retry_max_attempts; ++attempt) {
    log_->debug("login begins router={} attempt={} limit={:.1f}s", router_, attempt,
                seconds(policy.connect_timeout));
    const Context once = ctx.within(policy.connect_timeout);
    const std::shared_ptr<SessionFactory> factory = factory_;  // a renewal may bring another
    Result<std::unique_ptr<Session>> session = co_await factory->login(once);
    if (session) co_return session;
    last = std::move(session.error());
    if (!worth_retrying(last.code) || ctx.stopped() || ctx.expired()) break;
  }
  co_return std::unexpected(std::move(last));
}

void Pool::login_failed(Ticket ticket, Error error) {
  if (error.code != ErrorCode::cancelled) {
    ++failed_logins_;
    if (lasting_failure_ != error.text) {
      log_->warn("login failed router={} phase=\"{}\": {}", router_, to_string(error.phase), error.text);
      lasting_failure_ = error.text;
    } else {
      log_->debug("login failed again router={} failures={}: {}", router_, failed_logins_, error.text);
    }
  }
  const bool broken_before = core_.breaker_open();
  const int maximum_before = core_.maximum();
  core_.login_failed(Clock::now(), ticket, std::move(error));
  if (core_.breaker_open() && !broken_before) {
    log_->warn("no login for a while router={} failures={} seconds={:.0f}", router_, failed_logins_,
               seconds(core_.next_login() - Clock::now()));
  }
  if (core_.maximum() < maximum_before) {
    log_->debug("the router grants fewer sessions router={} max_connections={} granted={}", router_,
                core_.policy().max_connections, core_.maximum());
  }
  release_unit(ticket);
}

void Pool::log_login_success(Clock::duration took) {
  if (failed_logins_ > 0) {
    log_->info("logged in again router={} after_failures={} seconds={:.2f}", router_, failed_logins_,
               seconds(took));
  } else {
    log_->debug("logged in router={} seconds={:.2f}", router_, seconds(took));
  }
  failed_logins_ = 0;
  lasting_failure_.clear();
}

Awaitable<void> Pool::check(Ticket ticket) {
  auto self = shared_from_this();
  const Context ctx = limited(ticket, core_.policy().health_check_timeout);
  const Result<void> healthy = co_await seat(ticket).session->check(ctx);
  if (healthy) log_->debug("health check passed router={}", router_);
  if (!healthy) log_->info("health check failed router={}: {}", router_, healthy.error().text);
  core_.check_finished(Clock::now(), ticket, healthy.has_value());
  step();
}

Awaitable<void> Pool::recover(Ticket ticket) {
  auto self = shared_from_this();
  const Context ctx = limited(ticket, core_.policy().recover_timeout);
  const Result<void> clean = co_await seat(ticket).session->recover(ctx);
  if (clean) log_->debug("session came back to its prompt router={}", router_);
  if (!clean)
    log_->info("session did not come back to its prompt and is closed router={}: {}", router_,
               clean.error().text);
  core_.recover_finished(Clock::now(), ticket, clean.has_value());
  step();
}

Awaitable<void> Pool::close(Ticket ticket, CloseReason reason) {
  auto self = shared_from_this();
  log_->debug("session closes router={} reason={}", router_, to_string(reason));
  const Context ctx = limited(ticket, core_.policy().close_timeout);
  co_await seat(ticket).session->close(ctx);
  seat(ticket).session.reset();
  core_.close_finished(Clock::now(), ticket);
  step();
  release_unit(ticket);
}

}  // namespace linewatch::connection
