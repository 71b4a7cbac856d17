// Keys of an SSH agent. libssh talks to the agent in calls that block as long as that likes, so each runs on
// a thread of its own, while nothing else touches the session; who gives up shuts the agent's socket, which
// ends the call at once.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "connection/bell.hpp"
#include "connection/ssh/transport.hpp"

namespace linewatch::connection {

namespace asio = boost::asio;

namespace {

constexpr Phase phase = Phase::authentication;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// A socket, or -1 and why. Never waits.
int connect_agent(std::string& why) {
  const char* const path = std::getenv("SSH_AUTH_SOCK");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || *path == '\0' || std::strlen(path) >= sizeof address.sun_path) {
    why = "SSH_AUTH_SOCK names none";
    return -1;
  }
  std::strcpy(address.sun_path, path);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  why = std::string(path) + ": " + std::strerror(errno);
  if (fd >= 0) ::close(fd);
  return -1;
}

class AgentCall {
 public:
  AgentCall(const asio::any_io_executor& loop, ssh_session session, int agent)
      : state_(std::make_shared<State>(loop)), agent_(agent) {
    try {
      thread_ = std::thread([state = state_, loop, session] {
        const int result = ssh_userauth_agent(session, nullptr);
        asio::post(loop, [state, result] {
          state->result = result;
          state->done = true;
          state->ended.ring();
        });
      });
    } catch (const std::system_error&) {
      state_->done = true;  // no thread is left on this machine: an error of this login, not the agent's end
    }
  }
  ~AgentCall() {
    if (!state_->done) ::shutdown(agent_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  AgentCall(const AgentCall&) = delete;
  AgentCall& operator=(const AgentCall&) = delete;

  bool done() const { return state_->done; }
  int result() const { return state_->result; }
  Bell& ended() const { return state_->ended; }

 private:
  struct State {
    explicit State(const asio::any_io_executor& loop) : ended(loop) {}
    Bell ended;
    bool done = false;  // used on the loop only
    int result = SSH_AUTH_ERROR;
  };
  std::shared_ptr<State> state_;
  int agent_;
  std::thread thread_;
};

}  // namespace

Awaitable<Result<int>> Transport::try_agent(Context ctx) {
  const auto loop = co_await asio::this_coro::executor;
  std::string why;
  const Descriptor agent(connect_agent(why));
  if (agent.get() < 0) {
    co_return error(ErrorCode::unreachable, phase, "the SSH agent cannot be reached: " + why);
  }
  const int copy = ::fcntl(agent.get(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) co_return error(ErrorCode::internal, phase, "no file descriptor left");
  if (ssh_set_agent_socket(session_, copy) != SSH_OK) {
    ::close(copy);
    co_return error(ErrorCode::internal, phase, "libssh does not take the SSH agent's socket");
  }
  ssh_set_counters(session_, &taken_, &packets_);
  const std::uint64_t sent = packets_.out_packets;
  for (;;) {
    auto call = std::make_unique<AgentCall>(loop, session_, agent.get());
    while (!call->done()) {
      if (ctx.stopped())
        co_return error(ErrorCode::cancelled, phase, "cancelled while the SSH agent was asked");
      if (ctx.expired()) co_return error(ErrorCode::deadline, phase, "the SSH agent gave no answer in time");
      co_await call->ended().wait(ctx);
    }
    const int outcome = call->result();
    call.reset();
    if (outcome == SSH_AUTH_DENIED && packets_.out_packets == sent)  // no rejection: nothing was asked
      co_return error(ErrorCode::unreachable, phase, "the SSH agent has no keys");
    if (outcome != SSH_AUTH_AGAIN) co_return judge(outcome);
    if (!connected()) co_return ssh_failure(phase);
    auto waited = co_await wait(ctx, phase);
    if (!waited) co_return std::unexpected<Error>(std::move(waited.error()));
  }
}

}  // namespace linewatch::connection
