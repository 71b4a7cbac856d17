#pragma once
// A router's entry as the way to others: one SSH connection, logged in to when somebody first needs it, whose
// channels are the connections of all routers behind it. Shared by their factories and transports and by who
// made it; lives on their loop. One login serves all who wait for it; the connection's death is one event and
// one log line; without channels it is closed after a while.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include <spdlog/logger.h>

#include "config/settings.hpp"
#include "connection/bell.hpp"
#include "connection/session.hpp"

namespace linewatch::connection {

class JumpConnection;

// The near end of one channel: a stream socket of this process. Closes it unless it was taken.
class JumpStream {
 public:
  JumpStream() = default;  // none
  JumpStream(int fd, std::shared_ptr<const std::string> loss) : fd_(fd), loss_(std::move(loss)) {}
  JumpStream(JumpStream&& other) noexcept;
  JumpStream& operator=(JumpStream&& other) noexcept;
  ~JumpStream();

  int take();  // the descriptor, which is the caller's now
  // Why the jump host's connection went; empty text while it stands.
  const std::shared_ptr<const std::string>& loss() const { return loss_; }

 private:
  int fd_ = -1;
  std::shared_ptr<const std::string> loss_;
};

class JumpHost : public std::enable_shared_from_this<JumpHost> {
 public:
  // `factory` makes sessions for jumping (RouterAccess::Use::jump). `log` may be null.
  static std::shared_ptr<JumpHost> make(boost::asio::any_io_executor loop, std::string name,
                                        const config::ConnectionSettings& settings,
                                        std::unique_ptr<SessionFactory> factory,
                                        std::shared_ptr<spdlog::logger> log);
  ~JumpHost();

  const std::string& name() const { return name_; }

  // Logs in if that is needed, or waits for the login under way. The login has its own time limit, the jump
  // host's connect_timeout: a caller that gives up does not waste it. After a failed one the next may begin
  // when the back-off is over; until then the error is that of the last.
  Awaitable<Result<void>> ready(Context ctx);
  // A channel to an address as the jump host sees it. Needs a connection that is ready: it never logs in, so
  // that who holds a try of an account cannot come to wait for another of the same account.
  Awaitable<Result<JumpStream>> open(Context ctx, std::string address, std::uint16_t port);

  // Ends everything; returns when it has ended or the context has. Afterwards nothing is opened any more.
  Awaitable<void> close(Context ctx);

  int logins() const { return logins_; }  // that succeeded
  std::size_t channels() const;

 private:
  JumpHost(boost::asio::any_io_executor loop, std::string name, const config::ConnectionSettings& settings,
           std::unique_ptr<SessionFactory> factory, std::shared_ptr<spdlog::logger> log);

  Awaitable<void> log_in();
  Result<void> begin_login();
  void adopt(std::unique_ptr<Session> session);
  void login_failed(Error error);
  void lost(const std::string& why);
  void channels_changed();
  void retire();
  Awaitable<void> leave(std::unique_ptr<Session> session, Context ctx);
  std::unexpected<Error> waited_in_vain(const Context& ctx) const;

  boost::asio::any_io_executor loop_;
  std::string name_;
  Clock::duration login_limit_, idle_;
  config::Backoff backoff_;
  std::unique_ptr<SessionFactory> factory_;
  std::shared_ptr<spdlog::logger> log_;

  std::unique_ptr<Session> session_;      // null: not logged in
  JumpConnection* connection_ = nullptr;  // the same, as what it is
  Bell changed_;
  boost::asio::steady_timer idle_timer_;
  std::stop_source stop_;
  bool logging_in_ = false, closed_ = false;
  int logins_ = 0, leaving_ = 0;
  std::uint64_t attempts_ = 0;  // logins begun
  Error failure_;               // of the last login, if that failed
  Clock::duration rest_{0};     // the back-off after it
  TimePoint rests_until_{};
};

// Waits for the jump host to be ready before each login of `factory`.
std::unique_ptr<SessionFactory> make_factory_behind(std::shared_ptr<JumpHost> jump,
                                                    std::unique_ptr<SessionFactory> factory,
                                                    std::string label);

}  // namespace linewatch::connection
