#include "connection/ssh/exec_session.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "connection/cli/terminal.hpp"

namespace linewatch::connection {

namespace {

constexpr auto interrupt_patience = std::chrono::seconds(2);  // for a command to end by a signal

// What a profile's set-up lines export holds for each command; the other lines are of a command line.
std::vector<Transport::Variable> exports_of(const config::Platform& platform) {
  static const RE2 exporting(R"(export ([A-Za-z_][A-Za-z0-9_]*)=([^\s'"$`\\]*))");
  std::vector<Transport::Variable> variables;
  for (const std::string& line : platform.cli.setup) {
    Transport::Variable variable;
    if (RE2::FullMatch(line, exporting, &variable.name, &variable.value))
      variables.push_back(std::move(variable));
  }
  return variables;
}

}  // namespace

struct ExecSession::Reading {
  Terminal terminal;
  OutputWatcher* watcher = nullptr;
  std::size_t limit = 0;
  bool secret = false, interrupted = false;
  TimePoint leave_at = TimePoint::max();  // after an interrupt: it knows no signals
};

ExecSession::ExecSession(std::unique_ptr<Transport> transport, ExecSettings settings)
    : transport_(std::move(transport)),
      settings_(std::move(settings)),
      environment_(exports_of(*settings_.platform)) {}

std::unexpected<Error> ExecSession::failed(ErrorCode code, Phase phase, const std::string& text) const {
  return fail(code, phase, transport_->peer().label() + ": " + text);
}

void ExecSession::trace(TraceDirection direction, std::string_view text, bool secret) const {
  if (settings_.trace) settings_.trace(direction, secret ? std::string_view("********") : text);
}

Awaitable<Result<CommandOutput>> ExecSession::run(Context ctx, Command command) {
  if (command.text.empty() || command.text.find('\n') != std::string::npos)
    co_return failed(ErrorCode::internal, Phase::write, "a command must be one line of text");
  if (dirty_) co_return failed(ErrorCode::internal, Phase::write, "a command is still under way");
  if (ctx.stopped()) co_return failed(ErrorCode::cancelled, Phase::write, "cancelled before the command");
  if (!alive()) co_return failed(ErrorCode::closed, Phase::write, "the router closed the connection");
  CommandOutput output;
  Reading reading;
  reading.watcher = command.watcher;
  reading.limit = command.output_limit;
  reading.secret = command.secret;
  dirty_ = true;
  auto begun = co_await begin(ctx, command, output);
  if (!begun) co_return std::unexpected<Error>(std::move(begun.error()));
  const TimePoint began = Clock::now();
  auto read = co_await read_to_end(ctx, reading);
  if (!read) co_return std::unexpected<Error>(std::move(read.error()));
  output.took = Clock::now() - began;
  output.interrupted = reading.interrupted;
  output.text = reading.terminal.take();
  auto ended = co_await transport_->end_command(ctx);
  if (!ended) co_return std::unexpected<Error>(std::move(ended.error()));
  dirty_ = false;
  co_return output;
}

Awaitable<Result<void>> ExecSession::begin(Context ctx, const Command& command, CommandOutput& output) {
  const Context limited = ctx.within(settings_.read_timeout);
  auto opened = co_await transport_->open_channel(limited);
  if (!opened) {
    Error error = std::move(opened.error());
    // Found closed before the command was sent: another session may serve it.
    if (error.code == ErrorCode::closed) error.phase = Phase::write;
    co_return std::unexpected<Error>(std::move(error));
  }
  trace(TraceDirection::sent, command.text + '\n', command.secret);
  output.typed = std::chrono::system_clock::now();
  std::string text = command.text;
  std::vector<Transport::Variable> environment = environment_;
  co_return co_await transport_->begin_command(limited, std::move(text), std::move(environment));
}

Awaitable<Result<void>> ExecSession::read_to_end(Context ctx, Reading& reading) {
  std::string raw;
  TimePoint look_at = TimePoint::max();
  for (;;) {
    raw.clear();
    const Context wait = ctx.until(std::min(look_at, reading.leave_at));
    auto more = co_await transport_->read_command(wait, raw);
    const TimePoint now = Clock::now();
    if (!raw.empty()) {
      trace(TraceDirection::received, raw, reading.secret);
      reading.terminal.feed(raw);
    }
    if (more && !*more) co_return Result<void>();
    if (!more && (more.error().code != ErrorCode::deadline || ctx.expired(now))) {
      Error error = std::move(more.error());
      if (error.code == ErrorCode::deadline)
        error.text = transport_->peer().label() + ": the command did not end within the time limit";
      co_return std::unexpected<Error>(std::move(error));
    }
    if (now >= reading.leave_at) co_return Result<void>();
    if (reading.terminal.text().size() > reading.limit) {
      co_return failed(ErrorCode::output_limit, Phase::read,
                       "more than " + std::to_string(reading.limit) + " octets of output");
    }
    if (ctx.expired(now)) {
      co_return failed(ErrorCode::deadline, Phase::read, "the command did not end within the time limit");
    }
    if (reading.watcher == nullptr || reading.interrupted) continue;
    const OutputWatcher::Advice advice = reading.watcher->look(reading.terminal.text(), now);
    look_at = advice.look_again > now ? advice.look_again : TimePoint::max();
    if (!advice.interrupt) continue;
    reading.interrupted = true;
    look_at = TimePoint::max();
    reading.leave_at = now + interrupt_patience;
    trace(TraceDirection::note, "interrupted", false);
    transport_->interrupt_command();
  }
}

Awaitable<Result<void>> ExecSession::check(Context ctx) {
  return transport_->probe(std::move(ctx));
}

// Clean only when the command is known to have ended: one that runs on would take the router's means.
Awaitable<Result<void>> ExecSession::recover(Context ctx) {
  if (!transport_->settled())
    co_return failed(ErrorCode::protocol, Phase::recover, "left in the middle of a request");
  transport_->interrupt_command();
  std::string raw;
  const Context patient = ctx.within(interrupt_patience);
  for (bool running = transport_->has_channel(); running;) {
    raw.clear();
    auto more = co_await transport_->read_command(patient, raw);
    if (!more) co_return failed(more.error().code, Phase::recover, "the command does not end by a signal");
    if (patient.expired())
      co_return failed(ErrorCode::deadline, Phase::recover, "the command does not end by a signal");
    running = *more;
  }
  auto ended = co_await transport_->end_command(ctx);
  if (ended) dirty_ = false;
  co_return ended;
}

Awaitable<void> ExecSession::close(Context ctx) {
  return transport_->close(std::move(ctx));
}

}  // namespace linewatch::connection
