#pragma once
// One SSH connection, directly or through a jump host, with at most one channel at a time: an interactive
// shell, or one command after the other. Over libssh in non-blocking mode: every libssh call is repeated
// until it is done, with waits of our own in between; nothing here blocks the loop. Owned by a session (or a
// scan), on the router's loop. After an error or a cancellation before the login is done, only destruction
// may follow.

#include <libssh/libssh.h>

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "connection/cli/byte_channel.hpp"
#include "connection/pool/gate.hpp"
#include "connection/resolver.hpp"
#include "connection/ssh/host_keys.hpp"
#include "connection/ssh/private_keys.hpp"
#include "connection/ssh/waiter.hpp"

namespace linewatch::connection {

class JumpHost;

struct Peer {
  std::string name;     // the router's, for errors; empty in a scan
  std::string address;  // literal or name
  std::uint16_t port = 22;
  bool legacy_ssh = false;
  std::string source_address;                     // empty: the system's choice
  std::shared_ptr<JumpHost> via = nullptr;        // ready; null: directly
  std::shared_ptr<Gate> key_exchanges = nullptr;  // so many at a time on this loop; null: any

  std::string label() const;  // "bj-edge-1 (192.0.2.1:22)", "bj-edge-1 (192.0.2.1:22 via bastion)"
};

class Transport final : public ByteChannel {
 public:
  Transport(const boost::asio::any_io_executor& loop, Peer peer);
  ~Transport() override;  // drops the connection
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Name, TCP, key exchange. `known` decides which host key types are asked for first. No credential is sent.
  Awaitable<Result<HostKey>> connect(Context ctx, Resolver& resolver, std::vector<HostKey> known);
  // Only after the host key was found good. ErrorCode::authentication if every method was rejected.
  Awaitable<Result<void>> authenticate(Context ctx, config::Credential credential);
  Awaitable<Result<void>> open_shell(Context ctx);

  // A command on a channel of its own, without shell and terminal: open_channel(), begin_command(),
  // read_command() until it is false, end_command(). Variables that the router does not take are passed over.
  struct Variable {
    std::string name, value;
  };
  Awaitable<Result<void>> open_channel(Context ctx);
  Awaitable<Result<void>> begin_command(Context ctx, std::string text, std::vector<Variable> environment);
  // Appends what came, of both outputs. False when the command is at its end and all is read.
  // ErrorCode::deadline and cancelled leave the command running.
  Awaitable<Result<bool>> read_command(Context ctx, std::string& into);
  void interrupt_command();  // a signal; many routers know none
  // Closes the channel, whether the command has ended or not.
  Awaitable<Result<void>> end_command(Context ctx);
  // No call is in the middle: commands and close() can follow.
  bool settled() const { return settled_; }
  bool has_channel() const { return channel_ != nullptr; }

  // Asks for a sign of life and waits for it, without a channel.
  Awaitable<Result<void>> probe(Context ctx);

  Awaitable<Result<void>> read(Context ctx, std::string& into) override;
  Result<void> read_ready(std::string& into) override;
  Result<bool> write_ready(std::string_view& bytes) override;
  Awaitable<Result<void>> write(Context ctx, std::string_view bytes) override;

  // Closes the channel and the connection, and waits for the router's own close until the context ends.
  Awaitable<void> close(Context ctx);

  bool alive() const;  // false as soon as the other side's close can be seen
  // Calls `gone` once, from the loop, when that happens while no call is under way. From then on alive() and
  // read_ready() go by what the loop has heard, without a system call.
  void on_hang_up(std::function<void()> gone) { waiter_.watch(std::move(gone)); }
  const Peer& peer() const { return peer_; }

  // For who works the logged-in connection in another way, and ends that before the transport goes.
  ssh_session ssh() const { return session_; }
  int socket() const { return waiter_.socket(); }

  // What the router said before authentication (its banner), if anything.
  std::string banner() const;

 private:
  using Step = std::function<int()>;  // one pass of a libssh call
  // Repeats the step, with waits in between, until libssh no longer says "again".
  Awaitable<Result<int>> drive(Context ctx, Phase phase, const Step& step);
  Awaitable<Result<void>> wait(Context ctx, Phase phase);
  Result<void> take(std::string& into);  // as read_ready(), whether or not something came
  Awaitable<Result<int>> exchange_keys(Context ctx);
  Awaitable<Result<void>> connect_tcp(Context ctx, Resolver& resolver);
  Awaitable<Result<void>> connect_through(Context ctx);
  Awaitable<Result<void>> connect_to(Context ctx, boost::asio::ip::address address);
  Result<void> prepare(const std::vector<HostKey>& known);
  Result<HostKey> server_key() const;
  Awaitable<Result<void>> try_credential(Context ctx, config::Credential credential);
  // An SSH_AUTH_* outcome each: success, denied, partial.
  Awaitable<Result<int>> try_key(Context ctx, PrivateKey key);
  // All keys of the agent that SSH_AUTH_SOCK names; ErrorCode::unreachable if there is none to ask, or none
  // of them.
  Awaitable<Result<int>> try_agent(Context ctx);
  Awaitable<Result<int>> try_password(Context ctx, const config::Secret& password);
  Awaitable<Result<int>> try_questions(Context ctx, const config::Secret& password);
  Result<int> judge(int outcome) const;
  Awaitable<void> await_close(Context ctx);
  void detach();

  std::unexpected<Error> error(ErrorCode code, Phase phase, std::string_view text) const;
  std::unexpected<Error> outcome_error(Waiter::Outcome outcome, Phase phase) const;
  std::unexpected<Error> ssh_failure(Phase phase) const;  // from what libssh says
  std::string algorithm_mismatch(std::string_view message) const;
  void keep_non_blocking();
  bool write_pending() const { return (ssh_get_status(session_) & SSH_WRITE_PENDING) != 0; }
  bool all_read() const { return taken_at_end_ != 0 && taken_at_end_ == taken_.in_bytes; }
  bool socket_silent() const;  // nothing has come, and it is open
  bool connected() const;      // as far as libssh knows
  std::string with_cause(std::string closed) const;

  Peer peer_;
  Waiter waiter_;
  ssh_session session_ = nullptr;
  ssh_channel channel_ = nullptr;
  std::string mismatch_;          // libssh's words when no algorithm is common
  bool settled_ = false;          // no call is in the middle: the connection can be closed politely
  bool gone_ = false;             // the other side closed
  ssh_counter_struct packets_{};  // counted while probing and while an agent's keys are tried
  std::shared_ptr<const std::string> loss_;  // of the jump host's connection; null: none
  // Octets that libssh has taken from the socket, and how many they were when it had nothing left for us:
  // while they are the same, only the socket can bring more.
  ssh_counter_struct taken_{};
  std::uint64_t taken_at_end_ = 0;
  bool read_without_waiting_ = false;  // an endless output must not keep the loop to itself
};

}  // namespace linewatch::connection
