// How fast a login or a command ends when it is cancelled or its time is over: until its coroutine has
// returned and its session is freed. Fifty at a time, all ended at once, in every phase that can be stuck.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "tests/bench/figures.hpp"
#include "tests/bench/measure.hpp"

namespace linewatch::bench {

namespace asio = boost::asio;
using namespace connection;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t at_once = 50, batches = 20;
constexpr auto to_get_stuck = 250ms;  // time to reach the phase in

// A listening socket whose queue is full: who connects to it hears nothing.
class FullBacklog {
 public:
  FullBacklog() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 0) != 0 ||
        ::getsockname(listener_, generic, &size) != 0)
      give_up("cannot listen");
    port_ = ntohs(address.sin_port);
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(filler, generic, size);
    }
  }
  ~FullBacklog() {
    for (const int filler : fillers_) ::close(filler);
    ::close(listener_);
  }
  FullBacklog(const FullBacklog&) = delete;
  FullBacklog& operator=(const FullBacklog&) = delete;
  Server server() const { return {"127.0.0.1", port_}; }

 private:
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::array<int, 4> fillers_{};
};

struct Stuck {
  Phase phase;
  bool in_command;  // in a command of a session that was logged in, not in the login
};

// One batch after another on the lab's loop.
class Ends {
 public:
  Ends(Lab& lab, Stuck stuck) : lab_(lab), stuck_(stuck), factory_(lab.factory("r1")) {}

  std::vector<double> measure(bool by_deadline) {
    milliseconds_.clear();
    strays_ = 0;
    for (std::size_t batch = 0; batch < batches; ++batch) run_batch(by_deadline);
    if (strays_ > at_once * batches / 50) give_up(std::to_string(strays_) + " did not get stuck; " + stray_);
    return milliseconds_;
  }

 private:
  void run_batch(bool by_deadline) {
    for (std::size_t i = 0; i < at_once; ++i) {
      if (stuck_.in_command) lab_.start(log_in(i));
    }
    lab_.run();
    const TimePoint end = Clock::now() + to_get_stuck;
    for (std::size_t i = 0; i < at_once; ++i) {
      stops_[i] = std::stop_source();
      ends_[i] = end;
      const Context ctx(by_deadline ? end : TimePoint::max(), stops_[i].get_token());
      lab_.start(get_stuck(ctx, i));
    }
    if (!by_deadline) lab_.start(cancel_all(end));
    lab_.run();
  }

  Awaitable<void> log_in(std::size_t i) {
    const Context ctx = Context().within(20s);
    auto session = co_await factory_->login(ctx);
    if (!session) give_up("no session: " + session.error().text);
    sessions_[i] = std::move(*session);
  }

  Awaitable<void> cancel_all(TimePoint when) {
    asio::steady_timer timer(lab_.loop(), when);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    for (std::size_t i = 0; i < at_once; ++i) {
      ends_[i] = Clock::now();
      stops_[i].request_stop();
    }
  }

  Awaitable<void> get_stuck(Context ctx, std::size_t i) {
    std::optional<Error> error;
    if (stuck_.in_command) {
      Command command;
      command.text = ping;
      command.output_limit = std::size_t{1} << 30;
      auto output = co_await sessions_[i]->run(ctx, std::move(command));
      if (!output) error = std::move(output.error());
      sessions_[i].reset();
    } else {
      auto session = co_await factory_->login(ctx);
      if (!session) error = std::move(session.error());
    }
    const std::chrono::duration<double, std::milli> late = Clock::now() - ends_[i];
    if (error && error->phase == stuck_.phase && late.count() >= 0) {
      milliseconds_.push_back(late.count());
    } else {
      ++strays_;
      stray_ = error ? error->text : "it succeeded";
    }
  }

  Lab& lab_;
  Stuck stuck_;
  std::unique_ptr<SessionFactory> factory_;
  std::array<std::stop_source, at_once> stops_;
  std::array<TimePoint, at_once> ends_{};
  std::array<std::unique_ptr<Session>, at_once> sessions_;
  std::vector<double> milliseconds_;
  std::size_t strays_ = 0;
  std::string stray_;
};

void measure_stuck(std::string_view name, Stuck stuck, const Server& server) {
  Lab lab(server);
  Ends ends(lab, stuck);
  const std::string figure = "end." + std::string(name);
  const std::vector<double> cancels = ends.measure(false);
  print_row(figure + ".cancel_p50", percentile(cancels, 0.5));
  print_row(figure + ".cancel_p99", percentile(cancels, 0.99));
  print_row(figure + ".deadline_p99", percentile(ends.measure(true), 0.99));
}

}  // namespace

void measure_ends(std::string_view phase, const Server& server) {
  if (phase == "tcp") {
    const FullBacklog full;
    measure_stuck(phase, {Phase::tcp_connect, false}, full.server());
  } else if (phase == "key_exchange") {
    measure_stuck(phase, {Phase::key_exchange, false}, server);
  } else if (phase == "authentication") {
    measure_stuck(phase, {Phase::authentication, false}, server);
  } else {
    measure_stuck(phase, {Phase::read, true}, server);
  }
}

}  // namespace linewatch::bench
