#include "connection/ssh/jump_host.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "connection/ssh/jump_connection.hpp"

namespace linewatch::connection {

namespace asio = boost::asio;

namespace {

constexpr auto leave_limit = std::chrono::seconds(2);  // to take leave of a jump host

void rethrow(std::exception_ptr bug) {
  if (bug) std::rethrow_exception(bug);
}

}  // namespace

JumpStream::JumpStream(JumpStream&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), loss_(std::move(other.loss_)) {}

JumpStream& JumpStream::operator=(JumpStream&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(loss_, other.loss_);
  return *this;
}

JumpStream::~JumpStream() {
  if (fd_ >= 0) ::close(fd_);
}

int JumpStream::take() {
  return std::exchange(fd_, -1);
}

JumpHost::JumpHost(asio::any_io_executor loop, std::string name, const config::ConnectionSettings& settings,
                   std::unique_ptr<SessionFactory> factory, std::shared_ptr<spdlog::logger> log)
    : loop_(std::move(loop)),
      name_(std::move(name)),
      login_limit_(settings.connect_timeout),
      idle_(settings.idle_timeout),
      backoff_(settings.backoff),
      factory_(std::move(factory)),
      log_(std::move(log)),
      changed_(loop_),
      idle_timer_(loop_) {}

JumpHost::~JumpHost() = default;

std::shared_ptr<JumpHost> JumpHost::make(asio::any_io_executor loop, std::string name,
                                         const config::ConnectionSettings& settings,
                                         std::unique_ptr<SessionFactory> factory,
                                         std::shared_ptr<spdlog::logger> log) {
  return std::shared_ptr<JumpHost>(
      new JumpHost(std::move(loop), std::move(name), settings, std::move(factory), std::move(log)));
}

std::size_t JumpHost::channels() const {
  return connection_ == nullptr ? 0 : connection_->channels();
}

std::unexpected<Error> JumpHost::waited_in_vain(const Context& ctx) const {
  const std::string what = "the login to jump host " + name_;
  if (ctx.stopped()) return fail(ErrorCode::cancelled, Phase::waiting, "cancelled during " + what);
  return fail(ErrorCode::deadline, Phase::waiting, "the time limit ended during " + what);
}

Awaitable<Result<void>> JumpHost::ready(Context ctx) {
  const auto self = shared_from_this();
  for (;;) {
    if (ctx.stopped() || ctx.expired()) co_return waited_in_vain(ctx);
    if (connection_ != nullptr && connection_->alive()) break;
    if (connection_ != nullptr) lost("its connection broke");
    if (!logging_in_) {
      auto begun = begin_login();
      if (!begun) co_return begun;
    }
    const std::uint64_t attempt = attempts_;
    while (logging_in_ && attempts_ == attempt) {
      if (ctx.stopped() || ctx.expired()) co_return waited_in_vain(ctx);
      co_await changed_.wait(ctx);
    }
    if (closed_)
      co_return fail(ErrorCode::shutting_down, Phase::waiting, "jump host " + name_ + " is closing");
    if (connection_ == nullptr && attempts_ == attempt) co_return std::unexpected<Error>(failure_);
  }
  channels_changed();  // used: the idle time begins anew
  co_return Result<void>();
}

Result<void> JumpHost::begin_login() {
  if (closed_) return fail(ErrorCode::shutting_down, Phase::waiting, "jump host " + name_ + " is closing");
  if (Clock::now() < rests_until_) return std::unexpected(failure_);
  logging_in_ = true;
  ++attempts_;
  asio::co_spawn(loop_, log_in(), rethrow);
  return {};
}

Awaitable<void> JumpHost::log_in() {
  const auto self = shared_from_this();
  const Context ctx = Context().within(login_limit_).stopped_by(stop_.get_token());
  auto session = co_await factory_->login(ctx);
  logging_in_ = false;
  if (!session) {
    login_failed(std::move(session.error()));
  } else if (closed_) {
    const Context leaving = Context().within(leave_limit);
    co_await leave(std::move(*session), leaving);
  } else {
    adopt(std::move(*session));
  }
  changed_.ring();
}

void JumpHost::adopt(std::unique_ptr<Session> session) {
  connection_ = dynamic_cast<JumpConnection*>(session.get());
  if (connection_ == nullptr) {
    return login_failed(Error{ErrorCode::internal, Phase::channel, name_ + ": no session for jumping"});
  }
  session_ = std::move(session);
  ++logins_;
  if (log_) {
    const bool again = !failure_.text.empty();
    log_->log(again ? spdlog::level::info : spdlog::level::debug, "jump host {} jump_host={}",
              again ? "logged in again" : "logged in", name_);
  }
  failure_ = Error{};
  rest_ = Clock::duration(0);
  connection_->on_lost([weak = weak_from_this()](const std::string& why) {
    if (const auto self = weak.lock()) self->lost(why);
  });
  connection_->on_channels_changed([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->channels_changed();
  });
  channels_changed();
}

void JumpHost::login_failed(Error error) {
  const bool known = failure_.text.ends_with(error.text);
  if (log_ && !known && !closed_) {
    log_->warn("jump host login failed jump_host={} phase=\"{}\": {}", name_, to_string(error.phase),
               error.text);
  }
  error.text = "jump host " + (error.text.starts_with(name_) ? "" : name_ + ": ") + error.text;
  failure_ = std::move(error);
  rest_ = std::clamp<Clock::duration>(rest_ * 2, backoff_.first, backoff_.max);
  rests_until_ = Clock::now() + rest_;
}

// The one event in which all sessions behind lose their connection.
void JumpHost::lost(const std::string& why) {
  if (connection_ == nullptr) return;
  if (log_) log_->warn("jump host lost jump_host={}: {}", name_, why);
  connection_ = nullptr;
  session_.reset();
  idle_timer_.cancel();
  changed_.ring();
}

void JumpHost::channels_changed() {
  if (connection_ == nullptr) return;
  if (connection_->channels() > 0) {
    idle_timer_.cancel();
    return;
  }
  idle_timer_.expires_after(idle_);
  idle_timer_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (!cancelled && self && self->channels() == 0) self->retire();
  });
}

void JumpHost::retire() {
  if (session_ == nullptr) return;
  if (log_) log_->debug("jump host is idle, its connection is closed jump_host={}", name_);
  connection_ = nullptr;
  const Context ctx = Context().within(leave_limit);
  asio::co_spawn(loop_, leave(std::move(session_), ctx), rethrow);
}

Awaitable<void> JumpHost::leave(std::unique_ptr<Session> session, Context ctx) {
  const auto self = shared_from_this();
  ++leaving_;
  co_await session->close(ctx);
  session.reset();
  --leaving_;
  changed_.ring();
}

Awaitable<Result<JumpStream>> JumpHost::open(Context ctx, std::string address, std::uint16_t port) {
  const auto self = shared_from_this();
  if (connection_ == nullptr) {
    co_return fail(ErrorCode::closed, Phase::tcp_connect, "jump host " + name_ + ": its connection is gone");
  }
  auto stream = co_await connection_->open(ctx, std::move(address), port);
  if (!stream) stream.error().text = "jump host " + name_ + ": " + stream.error().text;
  co_return stream;
}

Awaitable<void> JumpHost::close(Context ctx) {
  const auto self = shared_from_this();
  closed_ = true;
  stop_.request_stop();
  idle_timer_.cancel();
  connection_ = nullptr;
  if (session_) {
    std::unique_ptr<Session> session = std::move(session_);
    co_await leave(std::move(session), ctx);
  }
  while ((logging_in_ || leaving_ > 0) && !ctx.stopped() && !ctx.expired()) co_await changed_.wait(ctx);
}

namespace {

class FactoryBehind final : public SessionFactory {
 public:
  FactoryBehind(std::shared_ptr<JumpHost> jump, std::unique_ptr<SessionFactory> factory, std::string label)
      : jump_(std::move(jump)), factory_(std::move(factory)), label_(std::move(label)) {}

  Awaitable<Result<std::unique_ptr<Session>>> login(Context ctx) override {
    auto ready = co_await jump_->ready(ctx);
    if (!ready) {
      Error error = std::move(ready.error());
      error.text = label_ + ": " + error.text;
      co_return std::unexpected<Error>(std::move(error));
    }
    co_return co_await factory_->login(ctx);
  }

 private:
  std::shared_ptr<JumpHost> jump_;
  std::unique_ptr<SessionFactory> factory_;
  std::string label_;
};

}  // namespace

std::unique_ptr<SessionFactory> make_factory_behind(std::shared_ptr<JumpHost> jump,
                                                    std::unique_ptr<SessionFactory> factory,
                                                    std::string label) {
  return std::make_unique<FactoryBehind>(std::move(jump), std::move(factory), std::move(label));
}

}  // namespace linewatch::connection
