#include "connection/ssh/transport.hpp"

#include <fcntl.h>
#include <libssh/callbacks.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "connection/ssh/algorithms.hpp"
#include "connection/ssh/digest.hpp"
#include "connection/ssh/jump_host.hpp"
#include "connection/ssh/known_hosts.hpp"

namespace linewatch::connection {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t read_size = 4096;  // what one pass of libssh brings at most
// As wide as devices take without complaint: a narrow terminal redraws, wraps and scrolls long commands.
// vt100 is what every device knows; the little it draws with is stripped.
constexpr const char* terminal_type = "vt100";
constexpr auto longest_turn = std::chrono::seconds(2);
constexpr const char* mismatch_words = "no match for method";
constexpr int terminal_columns = 511, terminal_rows = 1000;

// Notices a dead router in the background of an idle session, and under unanswered writes. A kernel without
// one of these still works.
void tune(int fd) {
  const auto set = [fd](int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);
}

std::string message_of(int error) {
  return boost::system::system_category().message(error);
}

// Is `fd` still the socket that it was a copy of? libssh closes its copy by itself at some errors, and the
// number may be somebody else's by then.
bool same_socket(int fd, int original) {
  struct stat one{}, other{};
  return fd >= 0 && ::fstat(fd, &one) == 0 && ::fstat(original, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

// Keeps libssh's words about algorithms that do not match. Where the router's greeting and its offer come in
// one piece, libssh closes the socket at once and overwrites them with "Socket error: Success"; its log still
// has them. Log callback and level are thread-local: set for one step only, which does not wait.
class MismatchEar {
 public:
  explicit MismatchEar(std::string& heard) {
    ssh_set_log_level(SSH_LOG_TRACE);  // only then errors are logged
    ssh_set_log_userdata(&heard);
    ssh_set_log_callback(listen);
  }
  ~MismatchEar() {
    ssh_set_log_level(SSH_LOG_NOLOG);
    ssh_set_log_userdata(nullptr);  // the callback stays: libssh takes no null for one
  }
  MismatchEar(const MismatchEar&) = delete;
  MismatchEar& operator=(const MismatchEar&) = delete;

 private:
  static void listen(int /*level*/, const char* /*function*/, const char* message, void* heard) noexcept {
    const char* const found = heard == nullptr ? nullptr : std::strstr(message, mismatch_words);
    if (found != nullptr) {
      // from "no match for method": the function's name and the timestamp before it say nothing
      static_cast<std::string*>(heard)->assign(found);
    }
  }
};

}  // namespace

std::string Peer::label() const {
  const bool bracketed = address.find(':') != std::string::npos;
  std::string at = (bracketed ? '[' + address + ']' : address) + ':' + std::to_string(port);
  if (via) at += " via " + via->name();
  return name.empty() ? at : name + " (" + at + ')';
}

Transport::Transport(const asio::any_io_executor& loop, Peer peer) : peer_(std::move(peer)), waiter_(loop) {}

Transport::~Transport() {
  // ssh_free frees the channels without any traffic and closes the copy of the socket unless it was detached
  // before.
  if (session_ != nullptr) ssh_free(session_);
}

std::unexpected<Error> Transport::error(ErrorCode code, Phase phase, std::string_view text) const {
  return fail(code, phase, peer_.label() + ": " + std::string(text));
}

std::unexpected<Error> Transport::outcome_error(Waiter::Outcome outcome, Phase phase) const {
  const std::string where(to_string(phase));
  if (outcome == Waiter::Outcome::stopped)
    return error(ErrorCode::cancelled, phase, "cancelled during " + where);
  if (outcome == Waiter::Outcome::expired)
    return error(ErrorCode::deadline, phase, "the time limit ended during " + where);
  return error(ErrorCode::closed, phase, with_cause("the connection broke during " + where));
}

std::string Transport::with_cause(std::string closed) const {
  if (loss_ && !loss_->empty()) closed += ", since jump host " + peer_.via->name() + " is lost: " + *loss_;
  return closed;
}

Awaitable<Result<void>> Transport::wait(Context ctx, Phase phase) {
  read_without_waiting_ = false;
  const Waiter::Outcome outcome = co_await waiter_.wait(ctx, write_pending());
  if (outcome != Waiter::Outcome::ready) co_return outcome_error(outcome, phase);
  co_return Result<void>();
}

Awaitable<Result<int>> Transport::drive(Context ctx, Phase phase, const Step& step) {
  for (;;) {
    const int result = step();
    if (phase == Phase::key_exchange) keep_non_blocking();
    if (result != SSH_AGAIN && result != SSH_AUTH_AGAIN) co_return result;
    if (!connected()) co_return ssh_failure(phase);  // libssh says "again" even of a connection that is gone
    auto waited = co_await wait(ctx, phase);
    if (!waited) co_return std::unexpected<Error>(std::move(waited.error()));
  }
}

bool Transport::connected() const {
  return ssh_is_connected(session_) != 0 && ssh_get_fd(session_) >= 0;
}

// libssh clears O_NONBLOCK on the file description when it takes the socket; from then on a send could block
// the loop.
void Transport::keep_non_blocking() {
  ::fcntl(waiter_.socket(), F_SETFL, O_RDWR | O_NONBLOCK);
}

Awaitable<Result<HostKey>> Transport::connect(Context ctx, Resolver& resolver, std::vector<HostKey> known) {
  Result<void> connected;
  if (peer_.via) {
    connected = co_await connect_through(ctx);
  } else {
    connected = co_await connect_tcp(ctx, resolver);
  }
  if (!connected) co_return std::unexpected<Error>(std::move(connected.error()));
  auto prepared = prepare(known);
  if (!prepared) co_return std::unexpected<Error>(std::move(prepared.error()));
  auto result = co_await exchange_keys(ctx);
  if (!result) co_return std::unexpected<Error>(std::move(result.error()));
  if (*result != SSH_OK) co_return ssh_failure(Phase::key_exchange);
  co_return server_key();
}

// A key exchange costs the loop milliseconds in one piece: too many at a time would make running pings late.
// A router has its turn only when it has greeted, and not for ever, so that silent ones hold up nobody.
Awaitable<Result<int>> Transport::exchange_keys(Context ctx) {
  constexpr Phase phase = Phase::key_exchange;
  const ssh_session session = session_;
  bool listen = true;
  const Step step = [this, session, &listen] {
    std::optional<MismatchEar>
        ear;  // a costly one: only for the pass after the greeting, too, and for none later
    if (listen) ear.emplace(mismatch_);
    listen = ssh_get_serverbanner(session) == nullptr;
    return ssh_connect(session);
  };
  if (!peer_.key_exchanges) co_return co_await drive(ctx, phase, step);
  const int begun = step();  // sends our greeting; the costly part comes after theirs
  keep_non_blocking();
  if (begun != SSH_AGAIN) co_return begun;
  if (!connected()) co_return ssh_failure(phase);
  auto greeted = co_await wait(ctx, phase);
  if (!greeted) co_return std::unexpected<Error>(std::move(greeted.error()));
  Gate::Unit unused;
  auto turn = co_await peer_.key_exchanges->enter(ctx, GateQueue::Rank::first, unused);
  if (!turn && ctx.stopped()) co_return outcome_error(Waiter::Outcome::stopped, phase);
  if (!turn) co_return outcome_error(Waiter::Outcome::expired, phase);
  const Context brief = ctx.within(longest_turn);
  auto result = co_await drive(brief, phase, step);
  if (result || result.error().code != ErrorCode::deadline || ctx.expired()) co_return result;
  turn->reset();
  co_return co_await drive(ctx, phase, step);
}

Awaitable<Result<void>> Transport::connect_tcp(Context ctx, Resolver& resolver) {
  auto addresses = co_await resolver.resolve(ctx, peer_.address);
  if (!addresses) {
    Error cause = std::move(addresses.error());
    cause.text = peer_.label() + ": " + cause.text;
    co_return std::unexpected<Error>(std::move(cause));
  }
  Result<void> connected = error(ErrorCode::resolve, Phase::resolve, "the name has no address");
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    // A silent address must leave time for those after it.
    Context limited = ctx;
    const auto left = static_cast<std::int64_t>(addresses->size() - i);
    if (ctx.has_deadline() && left > 1) limited = ctx.within((ctx.deadline() - Clock::now()) / left);
    const asio::ip::address address = (*addresses)[i];
    connected = co_await connect_to(limited, address);
    if (connected || ctx.stopped() || ctx.expired()) break;
  }
  co_return connected;
}

Awaitable<Result<void>> Transport::connect_to(Context ctx, asio::ip::address address) {
  constexpr Phase phase = Phase::tcp_connect;
  const tcp::endpoint endpoint(address, peer_.port);
  const int socket = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) co_return error(ErrorCode::unreachable, phase, "no socket: " + message_of(errno));
  waiter_.take(socket);
  if (!peer_.source_address.empty()) {
    boost::system::error_code malformed;
    const tcp::endpoint source(asio::ip::make_address(peer_.source_address, malformed), 0);
    const bool bound =
        !malformed && ::bind(socket, source.data(), static_cast<socklen_t>(source.size())) == 0;
    if (!bound) {
      co_return error(ErrorCode::unreachable, phase,
                      "cannot connect from " + peer_.source_address + ": " +
                          (malformed ? malformed.message() : message_of(errno)));
    }
  }
  int failure = 0;
  const Waiter::Outcome outcome =
      co_await waiter_.connect(ctx, endpoint.data(), static_cast<socklen_t>(endpoint.size()), failure);
  if (outcome == Waiter::Outcome::expired)
    co_return error(ErrorCode::unreachable, phase, "no answer to the TCP connect in time");
  if (outcome == Waiter::Outcome::stopped) co_return outcome_error(outcome, phase);
  if (outcome == Waiter::Outcome::failed) {
    std::string cause = message_of(failure);
    std::ranges::transform(cause.begin(), cause.begin() + 1, cause.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    co_return error(ErrorCode::unreachable, phase, cause);
  }
  tune(socket);
  co_return Result<void>();
}

// The jump host looks the name up.
Awaitable<Result<void>> Transport::connect_through(Context ctx) {
  auto stream = co_await peer_.via->open(ctx, peer_.address, peer_.port);
  if (!stream) co_return error(stream.error().code, stream.error().phase, stream.error().text);
  loss_ = stream->loss();
  waiter_.take(stream->take());
  co_return Result<void>();
}

Result<void> Transport::prepare(const std::vector<HostKey>& known) {
  ssh_set_log_level(SSH_LOG_NOLOG);  // thread-local, so again for each loop
  session_ = ssh_new();
  if (session_ == nullptr)
    return error(ErrorCode::internal, Phase::key_exchange, "no memory for an SSH session");
  ssh_set_counters(session_, &taken_, nullptr);
  const Algorithms offered = algorithms(peer_.legacy_ssh, known);
  bool good = true;
  const bool no = false;
  const auto set = [&](ssh_options_e option, const void* value) {
    good = good && ssh_options_set(session_, option, value) == 0;
  };
  set(SSH_OPTIONS_PROCESS_CONFIG, &no);  // first of all: no ssh_config of this machine has a say
  set(SSH_OPTIONS_USER, "none");  // else libssh looks up whom we run as; authenticate() says the real one
  set(SSH_OPTIONS_HOST, peer_.address.c_str());
  set(SSH_OPTIONS_SSH_DIR, "/nonexistent");
  set(SSH_OPTIONS_KNOWNHOSTS, "/nonexistent");
  set(SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/nonexistent");
  set(SSH_OPTIONS_KEY_EXCHANGE, offered.key_exchange.c_str());
  set(SSH_OPTIONS_HOSTKEYS, offered.host_keys.c_str());
  set(SSH_OPTIONS_CIPHERS_C_S, offered.ciphers.c_str());
  set(SSH_OPTIONS_CIPHERS_S_C, offered.ciphers.c_str());
  set(SSH_OPTIONS_HMAC_C_S, offered.macs.c_str());
  set(SSH_OPTIONS_HMAC_S_C, offered.macs.c_str());
  set(SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, offered.client_keys.c_str());
  if (!good) {
    return error(ErrorCode::internal, Phase::key_exchange,
                 std::string("an SSH option was refused: ") + ssh_get_error(session_));
  }
  // libssh gets a copy of its own, which it closes when it likes; the original stays ours.
  const socket_t copy = ::fcntl(waiter_.socket(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return error(ErrorCode::internal, Phase::key_exchange, "no file descriptor left");
  if (ssh_options_set(session_, SSH_OPTIONS_FD, &copy) != 0) {
    ::close(copy);
    return error(ErrorCode::internal, Phase::key_exchange, "libssh does not take the socket");
  }
  ssh_set_blocking(session_, 0);
  return {};
}

Result<HostKey> Transport::server_key() const {
  ssh_key key = nullptr;
  char* base64 = nullptr;
  HostKey shown;
  if (ssh_get_server_publickey(session_, &key) == SSH_OK &&
      ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK) {
    shown.base64 = base64;
    shown.type = blob_type(from_base64(shown.base64).value_or(std::string()));
  }
  ssh_string_free_char(base64);
  ssh_key_free(key);
  if (shown.type.empty()) return error(ErrorCode::protocol, Phase::host_key, "the host key cannot be read");
  return shown;
}

std::string Transport::banner() const {
  char* const text = session_ == nullptr ? nullptr : ssh_get_issue_banner(session_);
  std::string banner = text == nullptr ? std::string() : std::string(text);
  ssh_string_free_char(text);
  return banner;
}

std::string Transport::algorithm_mismatch(std::string_view message) const {
  // "no match for method X: server [a,b], client [c,d]"
  const std::size_t begin = message.find("method ") + 7, end = message.find(": server [", begin);
  if (end == std::string_view::npos) return std::string(message);
  const std::size_t list = end + 10;
  const std::string_view theirs = message.substr(list, message.find(']', list) - list);
  std::string text = "no common algorithm for " + std::string(message.substr(begin, end - begin)) +
                     "; the router offers " + std::string(theirs.substr(0, 200));
  if (!peer_.legacy_ssh) text += " (legacy_ssh: true offers what old devices speak)";
  return text;
}

std::unexpected<Error> Transport::ssh_failure(Phase phase) const {
  const std::string_view message = ssh_get_error(session_);
  const std::string where(to_string(phase));
  if (!mismatch_.empty()) return error(ErrorCode::protocol, phase, algorithm_mismatch(mismatch_));
  if (!alive()) {
    const char* const reason = ssh_get_disconnect_message(session_);
    std::string text = "the router closed the connection during " + where;
    if (reason != nullptr && *reason != '\0') text += std::string(": \"") + reason + '"';
    return error(ErrorCode::closed, phase, with_cause(std::move(text)));
  }
  return error(ErrorCode::protocol, phase, where + " failed: " + std::string(message));
}

Awaitable<Result<void>> Transport::open_channel(Context ctx) {
  constexpr Phase phase = Phase::channel;
  settled_ = false;
  const ssh_channel channel = channel_ = ssh_channel_new(session_);
  if (channel == nullptr) co_return error(ErrorCode::internal, phase, "no memory for a channel");
  const Step open = [channel] { return ssh_channel_open_session(channel); };
  auto opened = co_await drive(ctx, phase, open);
  if (!opened) co_return std::unexpected<Error>(std::move(opened.error()));
  settled_ = true;
  if (*opened == SSH_OK) co_return Result<void>();
  auto failure = ssh_failure(phase);
  // "resource shortage" is how a router says in SSH's own words that no line is free.
  const bool shortage = failure.error().text.find("error (4)") != std::string::npos;
  if (shortage)
    co_return error(ErrorCode::session_limit, phase, "the router has no free session: resource shortage");
  co_return failure;
}

Awaitable<Result<void>> Transport::open_shell(Context ctx) {
  constexpr Phase phase = Phase::channel;
  auto opened = co_await open_channel(ctx);
  if (!opened) co_return opened;
  settled_ = false;
  const ssh_channel channel = channel_;
  const Step terminal = [channel] {
    return ssh_channel_request_pty_size(channel, terminal_type, terminal_columns, terminal_rows);
  };
  auto sized = co_await drive(ctx, phase, terminal);
  if (!sized) co_return std::unexpected<Error>(std::move(sized.error()));
  if (*sized != SSH_OK && !connected()) co_return ssh_failure(phase);
  if (*sized != SSH_OK) co_return error(ErrorCode::protocol, phase, "the router refuses a terminal");
  const Step shell = [channel] { return ssh_channel_request_shell(channel); };
  auto begun = co_await drive(ctx, phase, shell);
  if (!begun) co_return std::unexpected<Error>(std::move(begun.error()));
  if (*begun != SSH_OK && !connected()) co_return ssh_failure(phase);
  if (*begun != SSH_OK) co_return error(ErrorCode::protocol, phase, "the router refuses a shell");
  settled_ = true;
  co_return Result<void>();
}

bool Transport::socket_silent() const {
  if (waiter_.watched()) return waiter_.silent();
  char octet = 0;
  const ssize_t peeked = ::recv(waiter_.socket(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return peeked < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Result<void> Transport::read_ready(std::string& into) {
  if (!gone_ && all_read() && socket_silent()) return {};  // cheaper than to have libssh look
  return take(into);
}

Result<void> Transport::take(std::string& into) {
  char octets[read_size];  // not the string itself: most answers are short, and a session keeps no such piece
  const int count = gone_ ? SSH_EOF : ssh_channel_read_nonblocking(channel_, octets, sizeof octets, 0);
  if (count > 0) into.append(octets, static_cast<std::size_t>(count));
  // It would have given more. An end that came in the same piece makes no socket readable again: many routers
  // leave it to us to close the connection.
  const bool at_end = count >= 0 && count < static_cast<int>(sizeof octets) &&
                      !ssh_channel_is_eof(channel_) && !ssh_channel_is_closed(channel_);
  taken_at_end_ = at_end ? taken_.in_bytes : 0;
  if (count > 0 || count == SSH_AGAIN) return {};
  if (count == 0 && !ssh_channel_is_eof(channel_) && !ssh_channel_is_closed(channel_) && connected())
    return {};
  gone_ = true;
  return error(ErrorCode::closed, Phase::read, with_cause("the router closed the session"));
}

Awaitable<Result<void>> Transport::read(Context ctx, std::string& into) {
  const std::size_t had = into.size();
  for (;;) {
    if (ctx.stopped()) co_return outcome_error(Waiter::Outcome::stopped, Phase::read);
    if (gone_ || !all_read()) {
      if (read_without_waiting_) co_await waiter_.yield();
      auto result = take(into);
      if (!result) co_return result;
      if (into.size() != had) {
        read_without_waiting_ = true;
        co_return result;
      }
    }
    read_without_waiting_ = false;
    const Waiter::Outcome outcome = co_await waiter_.wait(ctx, write_pending());
    if (outcome != Waiter::Outcome::ready) co_return outcome_error(outcome, Phase::read);
    taken_at_end_ = 0;  // there is something
  }
}

Result<bool> Transport::write_ready(std::string_view& bytes) {
  if (gone_ || !connected()) return error(ErrorCode::closed, Phase::write, with_cause("the router is gone"));
  if (!bytes.empty()) {
    const int count = ssh_channel_write(channel_, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    if (count < 0 && count != SSH_AGAIN) {
      gone_ = true;
      return ssh_failure(Phase::write);
    }
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (write_pending() && (ssh_blocking_flush(session_, 0) == SSH_ERROR || !connected()))
    return ssh_failure(Phase::write);
  return bytes.empty() && !write_pending();
}

Awaitable<Result<void>> Transport::write(Context ctx, std::string_view bytes) {
  for (;;) {
    auto written = write_ready(bytes);
    if (!written) co_return std::unexpected<Error>(std::move(written.error()));
    if (*written) co_return Result<void>();
    auto waited = co_await wait(ctx, Phase::write);  // a full window, or keys are being exchanged anew
    if (!waited) co_return waited;
  }
}

bool Transport::alive() const {
  if (gone_ || session_ == nullptr || !connected()) return false;
  if (waiter_.watched()) return !waiter_.closed();
  // What came last may not have been read yet; the close behind it counts.
  pollfd watched{waiter_.socket(), POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) == 0;
}

Awaitable<void> Transport::close(Context ctx) {
  waiter_.watch({});
  if (!settled_) co_return;  // a login in the middle of a call knows no polite end
  if (channel_ != nullptr && ssh_channel_is_open(channel_) != 0) {
    const ssh_channel channel = channel_;
    const Step step = [channel] { return ssh_channel_close(channel); };
    auto closed = co_await drive(ctx, Phase::close, step);
    static_cast<void>(closed);  // whatever came of it, the connection ends now
  }
  detach();
  co_await await_close(ctx);
}

// Takes leave in SSH's words and gets the copy of the socket back from libssh, which forgets it without
// closing it.
void Transport::detach() {
  ssh_blocking_flush(session_, 0);
  const socket_t copy = ssh_get_fd(session_);
  ssh_disconnect(session_);  // frees the channel, too
  channel_ = nullptr;
  settled_ = false;
  gone_ = true;
  if (same_socket(copy, waiter_.socket())) ::close(copy);
  ::shutdown(waiter_.socket(), SHUT_WR);
}

// The router's side is closed, too, when nothing more can come: only then is its line free again.
Awaitable<void> Transport::await_close(Context ctx) {
  const int fd = waiter_.socket();
  char octets[512];
  for (;;) {
    const ssize_t count = ::recv(fd, octets, sizeof octets, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) break;
    if (count > 0 && !ctx.expired() && !ctx.stopped()) {
      co_await waiter_.yield();  // one that floods its farewell has no right to the whole loop
      continue;
    }
    const Waiter::Outcome outcome = co_await waiter_.wait(ctx, false);
    if (outcome != Waiter::Outcome::ready) break;
  }
  waiter_.close();
}

}  // namespace linewatch::connection
