#include "connection/cli/driver.hpp"

#include <algorithm>
#include <utility>

#include "connection/cli/echo.hpp"
#include "connection/cli/reading.hpp"
#include "connection/cli/text.hpp"

namespace linewatch::connection {

namespace {

constexpr std::size_t tail_kept = 8 * 1024;       // of output that nobody wants
constexpr std::size_t longest_asking_line = 256;  // pagers and questions are short

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Driver::Driver(ByteChannel& channel, DriverSettings settings)
    : channel_(channel), settings_(std::move(settings)), prompt_(settings_.platform->cli.prompt) {}

std::string Driver::label(std::string_view text) const {
  return settings_.label + ": " + std::string(text);
}

// Gives an error of the channel the phase it happened in and, for a time limit, what was waited for.
std::unexpected<Error> Driver::failed(Error error, Phase phase, std::string_view timed_out) const {
  error.phase = phase;
  if (error.code == ErrorCode::deadline && !timed_out.empty()) error.text = label(timed_out);
  return std::unexpected<Error>(std::move(error));
}

Awaitable<Result<CommandOutput>> Driver::run(Context ctx, Command command) {
  if (command.text.empty() || !is_one_line(command.text))
    co_return fail(ErrorCode::internal, Phase::write, label("a command must be one line of printable text"));
  if (!prompt_.learned() || dirty_)
    co_return fail(ErrorCode::internal, Phase::write, label("the session is not at its prompt"));
  if (auto drained = drain(); !drained) {
    dirty_ = true;
    co_return failed(std::move(drained.error()), Phase::write, {});  // nothing was typed
  }
  if (ctx.stopped())
    co_return fail(ErrorCode::cancelled, Phase::write, label("cancelled before the command"));

  constexpr std::string_view timed_out = "no prompt within the time limit";
  CommandOutput output;
  const std::string typed_line = command.text + cli().line_end;
  Reading reading;
  reading.echo = command.text;
  reading.watcher = command.watcher;
  reading.limit = command.output_limit;
  reading.timed_out = timed_out;
  hide_received_ = command.secret;
  dirty_ = true;
  output.typed = std::chrono::system_clock::now();
  const TimePoint begun = Clock::now();
  std::string_view rest = typed_line;
  auto typed = type(Phase::write, rest, command.secret);
  if (!typed) co_return std::unexpected<Error>(std::move(typed.error()));
  if (!*typed) {
    auto sent = co_await type_rest(ctx, Phase::write, rest);
    if (!sent) co_return std::unexpected<Error>(std::move(sent.error()));
  }
  auto read = co_await read_to_prompt(ctx, Phase::read, reading);
  if (!read) {
    if (read.error().text.ends_with(timed_out))
      read.error().text += " of " + (command.secret ? "the command" : '"' + command.text + '"');
    co_return std::unexpected<Error>(std::move(read.error()));
  }
  output.took = reading.last - begun;
  output.interrupted = reading.interrupted;
  output.text = answer_of(reading);
  dirty_ = hide_received_ = false;
  note("at the prompt \"", prompt_.line(), "\" after an answer of ", std::to_string(output.text.size()),
       " octets");
  co_return output;
}

Awaitable<Result<void>> Driver::check(Context ctx) {
  if (auto drained = drain(); !drained) co_return failed(std::move(drained.error()), Phase::check, {});
  Reading reading;
  reading.limit = tail_kept;
  reading.endless = true;
  reading.timed_out = "no prompt came back for an empty line";
  dirty_ = true;
  auto sent = co_await send(ctx, Phase::check, cli().line_end);
  if (!sent) co_return std::unexpected<Error>(std::move(sent.error()));
  auto read = co_await read_to_prompt(ctx, Phase::check, reading);
  terminal_.clear();
  if (read) dirty_ = false;
  co_return read;
}

Awaitable<Result<void>> Driver::recover(Context ctx) {
  if (!prompt_.learned())
    co_return fail(ErrorCode::internal, Phase::recover, label("no prompt is known yet"));
  hide_received_ = false;
  // The interrupt brings one prompt; that of the command itself may be on its way, too. An empty line
  // afterwards brings another behind both, and the next command waits for its own echo: late output is never
  // taken for its answer.
  const std::string_view lines[] = {cli().interrupt, cli().line_end};
  for (const std::string_view line : lines) {
    terminal_.clear();
    for (bool at_prompt = false; !at_prompt;) {
      Reading reading;
      reading.limit = tail_kept;
      reading.endless = true;
      reading.timed_out = "no prompt came back after an interrupt";
      auto sent = co_await send(ctx, Phase::recover, line);
      if (!sent) co_return std::unexpected<Error>(std::move(sent.error()));
      // An interrupt that comes while the device is just starting the command is lost on some: typed again.
      const Context patient = ctx.within(settings_.patience.interrupt);
      auto read = co_await read_to_prompt(patient, Phase::recover, reading);
      at_prompt = read.has_value();
      const bool again = !read && read.error().code == ErrorCode::deadline && !ctx.expired();
      if (!at_prompt && !again) co_return std::unexpected<Error>(std::move(read.error()));
    }
  }
  if (auto drained = drain(); !drained) co_return failed(std::move(drained.error()), Phase::recover, {});
  dirty_ = false;
  co_return Result<void>();
}

Awaitable<void> Driver::logout(Context ctx) {
  terminal_.clear();
  if (dirty_) {
    auto interrupted = co_await send(ctx, Phase::close, cli().interrupt);
    if (!interrupted) co_return;
  }
  for (const std::string& line : cli().logout) {
    const std::string typed_line = line + cli().line_end;
    auto sent = co_await send(ctx, Phase::close, typed_line);
    if (!sent) co_return;
    const bool is_last = &line == &cli().logout.back();
    for (;;) {
      const Context wait = ctx.within(settings_.patience.settle * (is_last ? 4 : 1));
      auto read = co_await channel_.read(wait, raw_);
      take_in();
      if (ctx.expired() || (!read && read.error().code != ErrorCode::deadline)) co_return;
      if (!read) break;
      terminal_.keep_tail(tail_kept);
      if (const config::Reply* reply = asked(cli().questions, false)) {
        if (asks_for_login(*reply)) co_return;  // logged out
        terminal_.feed("\n");
        auto answered = co_await send(ctx, Phase::close, reply->answer);
        if (!answered) co_return;
      } else if (!is_last && prompt_.has_shape(terminal_.open_line())) {
        break;
      }
    }
  }
}

// What came unasked since the last command (log lines, a late prompt) belongs to no answer.
Result<void> Driver::drain() {
  constexpr int most_rounds = 256;  // of some KiB each
  Result<void> result;
  for (int round = 0; result; ++round) {
    raw_.clear();
    result = channel_.read_ready(raw_);
    if (raw_.empty()) break;
    if (round == most_rounds)
      result = fail(ErrorCode::output_limit, Phase::read, label("the router does not stop talking"));
    if (settings_.trace) settings_.trace(TraceDirection::received, raw_);
    terminal_.feed(raw_);  // so that a sequence cut in two stays whole
  }
  std::string().swap(raw_);
  terminal_.clear();
  return result;
}

// What goes at once, which is nearly always all: true then. No coroutine, since every command passes here.
Result<bool> Driver::type(Phase phase, std::string_view& bytes, bool secret) {
  if (settings_.trace) settings_.trace(TraceDirection::sent, secret ? std::string_view("********") : bytes);
  auto typed = channel_.write_ready(bytes);
  if (!typed) return failed(std::move(typed.error()), phase, {});
  return typed;
}

Awaitable<Result<void>> Driver::type_rest(Context ctx, Phase phase, std::string_view bytes) {
  const Context limited = ctx.within(settings_.write_timeout);
  auto written = co_await channel_.write(limited, bytes);
  if (!written) co_return failed(std::move(written.error()), phase, "the router takes no input");
  co_return Result<void>();
}

Awaitable<Result<void>> Driver::send(Context ctx, Phase phase, std::string_view bytes, bool secret) {
  auto typed = type(phase, bytes, secret);
  if (!typed) co_return std::unexpected<Error>(std::move(typed.error()));
  if (*typed) co_return Result<void>();
  co_return co_await type_rest(ctx, phase, bytes);
}

// What one read brought.
void Driver::take_in() {
  if (raw_.empty()) return;
  if (settings_.trace && !hide_received_) settings_.trace(TraceDirection::received, raw_);
  terminal_.feed(raw_);
  if (!cli().noise.empty()) drop_noise(raw_.size());
  raw_.clear();
}

// What the device prints beside its answers, perhaps behind the prompt, which is then the open line again.
// Searched where the last piece fell.
void Driver::drop_noise(std::size_t fed) {
  constexpr std::size_t longest_noise = 1024;
  for (const config::Pattern& noise : cli().noise) {
    for (;;) {
      const std::string_view text = terminal_.text();
      const std::size_t from = text.size() - std::min(text.size(), fed + longest_noise);
      re2::StringPiece found;
      if (!noise || !noise.re().Match(text, from, text.size(), RE2::UNANCHORED, &found, 1) || found.empty())
        break;
      const auto begin = static_cast<std::size_t>(found.data() - text.data());
      terminal_.erase(begin, begin + found.size());
    }
  }
}

Awaitable<Result<void>> Driver::read_to_prompt(Context ctx, Phase phase, Reading& reading) {
  reading.last = Clock::now();
  note("waiting for ", reading.echo.empty() ? "" : "the echo and ", "the prompt \"", prompt_.line(), "\"");
  for (;;) {
    const TimePoint wake = std::min({reading.quiet_at, reading.look_at, reading.silent_until()});
    const Context wait = ctx.until(wake);
    auto read = co_await channel_.read(wait, raw_);
    take_in();
    const TimePoint now = Clock::now();
    bool quiet = false;
    if (read) {
      reading.last = now;
      reading.quiet_at = now + settings_.patience.suspect;
    } else if (read.error().code != ErrorCode::deadline || ctx.expired(now) ||
               now >= reading.silent_until()) {
      std::string().swap(raw_);
      co_return failed(std::move(read.error()), phase, reading.timed_out);
    } else if (now >= reading.quiet_at) {
      quiet = true;
      reading.quiet_at = TimePoint::max();
    }
    if (at_end(reading, quiet)) break;
    if (ctx.expired(now)) co_return fail(ErrorCode::deadline, phase, label(reading.timed_out));
    if (reading.endless) terminal_.keep_tail(reading.limit);
    if (terminal_.text().size() > reading.limit + reading.echo.size() + longest_asking_line) {
      terminal_.clear();
      co_return fail(ErrorCode::output_limit, phase,
                     label("more than " + std::to_string(reading.limit) + " octets of output"));
    }
    const std::string_view reply = reply_to(reading, quiet, now);
    if (reply.empty()) continue;
    auto sent = co_await send(ctx, phase, reply);
    if (!sent) co_return sent;
  }
  std::string().swap(raw_);
  co_return Result<void>();
}

bool Driver::at_end(Reading& reading, bool quiet) {
  const std::string_view open = terminal_.open_line();
  const std::size_t start = terminal_.open_line_start();
  if (reading.knocked && start > reading.end && !reading.suspect.empty() &&
      Prompt::same(open, reading.suspect)) {
    const std::size_t line_end = terminal_.text().find('\n', reading.end);
    prompt_.learn(std::string_view(terminal_.text()).substr(line_end));  // the router was given another name
    return true;
  }
  if (!prompt_.is(open) || (reading.knocked && start <= reading.end)) return false;
  if (!echoed(reading, quiet)) return false;
  reading.end = std::min(reading.end, start);
  return true;
}

// A prompt is at the end: does it follow the command, or is it late output from before it?
bool Driver::echoed(Reading& reading, bool quiet) {
  if (reading.echo.empty() || reading.echo_end) return true;
  reading.echo_end = find_echo_end(terminal_.text(), reading.echo);
  if (reading.echo_end) {
    echoes_ = true;
    return true;
  }
  const Patience& patience = settings_.patience;
  if (!quiet) reading.quiet_at = reading.last + (echoes_ ? patience.late_echo : patience.no_echo);
  return quiet;
}

// What is to be sent now: a pager's or question's answer, the watcher's interrupt, a knock at a suspected
// prompt.
std::string_view Driver::reply_to(Reading& reading, bool quiet, TimePoint now) {
  if (const config::Reply* pager = asked(cli().pagers, false)) {
    note("a pager: ", pager->seen.text());
    terminal_.erase_open_line();
    return reading.endless ? std::string_view("q") : std::string_view(pager->answer);
  }
  if (reading.questions) {
    const config::Reply* question = asked(cli().questions, quiet);
    if (question != nullptr && !asks_for_login(*question)) {
      note("a question: ", question->seen.text());
      terminal_.feed("\n");
      return question->answer;
    }
  }
  if (reading.watcher != nullptr) {
    const OutputWatcher::Advice advice = reading.watcher->look(terminal_.text(), now);
    reading.look_at = advice.look_again > now ? advice.look_again : TimePoint::max();
    if (advice.interrupt && !reading.interrupted) {
      reading.interrupted = true;
      note("enough was seen: interrupted");
      return cli().interrupt;
    }
  }
  if (quiet && !reading.knocked && suspects_prompt(reading)) {
    reading.knocked = true;
    note("silence, perhaps at another prompt: an empty line to find out");
    return cli().line_end;
  }
  return {};
}

// After a silence: a log line was printed behind the prompt, or the prompt has changed.
bool Driver::suspects_prompt(Reading& reading) {
  const std::string& text = terminal_.text();
  if (!reading.echo.empty() && !reading.echo_end) reading.echo_end = find_echo_end(text, reading.echo);
  if (!reading.echo.empty() && !reading.echo_end) return false;
  const std::size_t line = prompt_.find_line(text, reading.echo_end.value_or(0));
  if (line != std::string_view::npos) {
    reading.end = line;
    return true;
  }
  if (!prompt_.has_shape(terminal_.open_line())) return false;
  reading.end = terminal_.open_line_start();
  reading.suspect = terminal_.open_line();
  return true;
}

const config::Reply* Driver::asked(const std::vector<config::Reply>& replies, bool quiet) const {
  std::string_view line = terminal_.open_line();
  if (quiet && line.empty()) {  // asked in a whole line
    const std::string_view text = terminal_.text();
    line = text.substr(text.size() - std::min(text.size(), longest_asking_line));
  }
  if (line.empty() || line.size() > longest_asking_line) return nullptr;
  for (const config::Reply& reply : replies) {
    if (reply.seen && matches_at_end(reply.seen, line)) return &reply;
  }
  return nullptr;
}

std::string Driver::answer_of(const Reading& reading) {
  std::string text = terminal_.take();
  text.resize(std::min(reading.end, text.size()));
  text.erase(0, std::min(reading.echo_end.value_or(0), text.size()));
  text.resize(prompt_.trim(text).size());
  if (text.capacity() > 2 * text.size() + 256) text.shrink_to_fit();
  return text;
}

}  // namespace linewatch::connection
