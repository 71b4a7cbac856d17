#include "agent/control/server.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <set>
#include <utility>

namespace linewatch::agent {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;
using connection::Awaitable;
using connection::Clock;
using connection::TimePoint;

Json control_error(std::string_view code, std::string sentence) {
  Json error;
  error["error"] = std::move(sentence);
  error["code"] = code;
  return error;
}

namespace {

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

struct ControlServer::Impl {
  Impl(asio::any_io_executor executor, ControlHandler answer, std::shared_ptr<spdlog::logger> logger,
       ControlLimits bounds)
      : loop(std::move(executor)),
        handler(std::move(answer)),
        log(std::move(logger)),
        limits(bounds),
        acceptor(loop),
        pause(loop),
        all_gone(loop, TimePoint::max()) {}

  asio::any_io_executor loop;
  ControlHandler handler;
  std::shared_ptr<spdlog::logger> log;
  ControlLimits limits;
  stream_protocol::acceptor acceptor;
  asio::steady_timer pause;     // before the next accept, after one failed
  asio::steady_timer all_gone;  // never expires by itself; cancelled when the last client went
  std::set<std::shared_ptr<Link>> clients;
  bool stopping = false;

  static void accept(const std::shared_ptr<Impl>& self);
  static void accept_later(const std::shared_ptr<Impl>& self);
  static void admit(const std::shared_ptr<Impl>& self, stream_protocol::socket socket);
};

// One connection. Whoever works on it holds it by a shared pointer.
class ControlServer::Link : public ControlClientLink, public std::enable_shared_from_this<Link> {
 public:
  Link(stream_protocol::socket socket, const ControlLimits& limits)
      : socket_(std::move(socket)), limits_(limits), watchdog_(socket_.get_executor()) {}

  // The one request and its answer.
  static Awaitable<void> serve(std::shared_ptr<Link> self, const ControlHandler& handler) {
    std::string input;
    auto buffer = asio::dynamic_buffer(input, self->limits_.request_size);
    error_code failure;
    self->be_patient();
    const std::size_t size = co_await asio::async_read_until(
        self->socket_, buffer, '\n', asio::redirect_error(asio::use_awaitable, failure));
    self->end_patience();
    if (failure == asio::error::not_found) {
      Json error = control_error("bad_request", "the request is longer than " +
                                                    std::to_string(self->limits_.request_size) + " octets");
      co_await self->send(std::move(error));
    } else if (!failure) {
      self->watch();
      input.resize(size);
      const Json request = Json::parse(input, nullptr, false);
      if (request.is_object()) {
        co_await handler(*self, request);
      } else {
        Json error = control_error("bad_request", "the request is no JSON object on one line");
        co_await self->send(std::move(error));
      }
    }
    self->hang_up();
  }

  Awaitable<bool> send(Json line) override {
    if (!socket_.is_open()) co_return false;
    const std::string text = one_line(line);
    const asio::const_buffer buffer(text.data(), text.size());
    error_code failure;
    be_patient();
    co_await asio::async_write(socket_, buffer, asio::redirect_error(asio::use_awaitable, failure));
    end_patience();
    if (failure) hang_up();
    co_return !failure;
  }

  std::stop_token gone() const override { return gone_.get_token(); }

  void hang_up() {
    error_code ignored;
    watchdog_.cancel();
    socket_.close(ignored);
    gone_.request_stop();
  }

 private:
  // A client that neither takes nor gives for too long is cut off.
  void be_patient() {
    watchdog_.expires_after(limits_.patience);
    watchdog_.async_wait([self = shared_from_this()](error_code cancelled) {
      // It may have expired just before the patience was ended.
      if (!cancelled && self->watchdog_.expiry() <= Clock::now()) self->hang_up();
    });
  }
  void end_patience() { watchdog_.expires_at(TimePoint::max()); }

  // Nothing more is expected of the client: what comes is thrown away, its end is noticed.
  void watch() {
    socket_.async_read_some(asio::buffer(unread_), [self = shared_from_this()](error_code end, std::size_t) {
      if (end) {
        self->gone_.request_stop();
      } else {
        self->watch();
      }
    });
  }

  stream_protocol::socket socket_;
  const ControlLimits limits_;
  asio::steady_timer watchdog_;
  std::stop_source gone_;
  std::array<char, 512> unread_{};
};

void ControlServer::Impl::accept(const std::shared_ptr<Impl>& self) {
  self->acceptor.async_accept([self](error_code failure, stream_protocol::socket socket) {
    if (self->stopping) return;
    if (failure) return accept_later(self);
    admit(self, std::move(socket));
    accept(self);
  });
}

// Without descriptors left, for instance; to ask again at once would only burn the processor.
void ControlServer::Impl::accept_later(const std::shared_ptr<Impl>& self) {
  self->pause.expires_after(std::chrono::seconds(1));
  self->pause.async_wait([self](error_code cancelled) {
    if (!cancelled && !self->stopping) accept(self);
  });
}

void ControlServer::Impl::admit(const std::shared_ptr<Impl>& self, stream_protocol::socket socket) {
  if (self->clients.size() >= self->limits.clients) {
    // A fresh socket has room for one line; who does not get it sees the connection end.
    const std::string refusal = one_line(control_error("busy", "too many clients use the control socket"));
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.send(asio::buffer(refusal), 0, ignored);
    return;
  }
  auto link = std::make_shared<Link>(std::move(socket), self->limits);
  self->clients.insert(link);
  asio::co_spawn(self->loop, Link::serve(link, self->handler), [self, link](std::exception_ptr bug) {
    if (bug) std::rethrow_exception(bug);
    self->clients.erase(link);
    if (self->clients.empty()) self->all_gone.cancel();
  });
}

ControlServer::ControlServer(asio::any_io_executor loop, SocketFile file, ControlHandler handler,
                             std::shared_ptr<spdlog::logger> log, ControlLimits limits)
    : file_(std::move(file)),
      impl_(std::make_shared<Impl>(std::move(loop), std::move(handler), std::move(log), limits)) {
  impl_->acceptor.assign(stream_protocol(), file_.release());
}

ControlServer::~ControlServer() {
  impl_->stopping = true;
  file_.remove();
  error_code ignored;
  impl_->acceptor.close(ignored);
}

void ControlServer::start() {
  impl_->log->info("control socket is open path={}", file_.path().string());
  Impl::accept(impl_);
}

Awaitable<void> ControlServer::stop(connection::Context ctx) {
  std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  file_.remove();
  error_code ignored;
  impl->acceptor.close(ignored);
  impl->pause.cancel();
  const auto clients = impl->clients;
  for (const auto& client : clients) client->hang_up();
  impl->all_gone.expires_at(ctx.deadline());
  while (!impl->clients.empty() && !ctx.expired())
    co_await impl->all_gone.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!impl->clients.empty())
    impl->log->warn("{} requests on the control socket did not end in time", impl->clients.size());
}

}  // namespace linewatch::agent
