// The login half of the driver: from the banner to a prompt that is certain, and the set-up commands.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "connection/cli/driver.hpp"
#include "connection/cli/reading.hpp"
#include "connection/cli/text.hpp"

namespace linewatch::connection {

namespace {

constexpr std::size_t banner_kept = 64 * 1024;
constexpr std::size_t most_probes = 4, most_knocks = 2;

constexpr std::string_view username_place = "{username}", password_place = "{password}";

bool asks_to_log_in(std::string_view line) {
  static const RE2 asking(R"((?i)(password|passcode|user ?name|login|user)( for [^ ]+)?\s*:\s*$)");
  return line.size() <= 128 && RE2::PartialMatch(line, asking);
}

}  // namespace

// A banner may hold lines that look like a prompt, and any of them may be the end of what came so far. So the
// first candidate is answered with an empty line, and a prompt is certain when it came as often as it was
// asked for: once by itself and once for each empty line. Nothing is waited for unless the router behaves
// oddly.
struct Driver::LoginSearch {
  std::size_t probes = 0, knocks = 0;
  TimePoint last = Clock::now();
  TimePoint knock_at;
};

Awaitable<Result<void>> Driver::login(Context ctx) {
  auto found = co_await find_prompt(ctx);
  if (found) found = co_await enable(ctx);
  terminal_.clear();
  std::string().swap(raw_);
  if (!found) co_return found;
  for (const std::string& line : cli().setup) {
    auto done = co_await set_up(ctx, line);
    if (!done) co_return done;
  }
  co_return Result<void>();
}

Awaitable<Result<void>> Driver::find_prompt(Context ctx) {
  LoginSearch search;
  search.knock_at = search.last + settings_.patience.knock;
  note("waiting for a prompt: ", cli().prompt.text());
  for (;;) {
    const Context wait = ctx.within(settings_.patience.settle);
    auto read = co_await channel_.read(wait, raw_);
    take_in();
    const TimePoint now = Clock::now();
    const bool quiet = !read;
    if (read) search.last = now;
    const bool waits_on = read || (read.error().code == ErrorCode::deadline && !ctx.expired(now) &&
                                   now < search.last + settings_.read_timeout);
    if (!waits_on) co_return std::unexpected<Error>(no_prompt(std::move(read.error())));
    terminal_.keep_tail(banner_kept);
    if (prompt_confirmed(search, quiet)) {
      note("at the prompt \"", prompt_.line(), "\"", privileged() ? "" : ", without rights");
      co_return Result<void>();
    }
    if (ctx.expired(now)) co_return std::unexpected<Error>(no_prompt(Error{ErrorCode::deadline, {}, {}}));
    if (auto trouble = login_trouble(quiet)) co_return std::unexpected<Error>(std::move(*trouble));
    const std::string_view reply = login_reply(search, quiet);
    if (reply.empty()) continue;
    const bool secret = reply.contains(password_place);
    const config::Secret typed = filled(reply);
    const std::string& text = typed.reveal();
    auto sent = co_await send(ctx, Phase::prompt, text, secret);
    if (!sent) co_return sent;
  }
}

bool Driver::prompt_confirmed(LoginSearch& search, bool quiet) {
  const std::string_view open = terminal_.open_line();
  if (search.probes == 0 || !prompt_.has_shape(open)) return false;
  const std::string_view text = terminal_.text();
  std::size_t count = 0, before_end = 0;  // how often it came; where the one before the last ended
  for (std::size_t at = 0; at < terminal_.open_line_start();) {
    const std::size_t end = text.find('\n', at);
    if (end - at <= open.size() + 64 && Prompt::same(text.substr(at, end - at), open)) {
      ++count;
      before_end = end;
    }
    at = end + 1;
  }
  ++count;
  if (count < 2 || (count <= search.probes && !quiet)) return false;
  prompt_.learn(text.substr(before_end));
  return prompt_.learned();
}

// A profile's answer with what the credential has for it.
config::Secret Driver::filled(std::string_view answer) {
  std::string text(answer);
  if (const std::size_t at = text.find(username_place); at != std::string::npos)
    text.replace(at, username_place.size(), settings_.username);
  if (const std::size_t at = text.find(password_place); at != std::string::npos) {
    password_typed_ = true;
    text.replace(at, password_place.size(), settings_.password ? settings_.password->reveal() : "");
  }
  return config::Secret(std::move(text));
}

std::string_view Driver::login_reply(LoginSearch& search, bool quiet) {
  for (const auto* replies : {&cli().questions, &cli().pagers}) {
    const config::Reply* reply = asked(*replies, quiet);
    if (reply == nullptr || (password_typed_ && reply->answer.contains(password_place))) continue;
    note("asked: ", reply->seen.text());
    terminal_.feed("\n");
    return reply->answer;
  }
  if (prompt_.has_shape(terminal_.open_line())) {
    if (search.probes > 0 && (!quiet || search.probes >= most_probes)) return {};
    ++search.probes;
    return cli().line_end;
  }
  const TimePoint now = Clock::now();
  if (quiet && now >= search.knock_at && now >= search.last + settings_.patience.knock &&
      search.knocks < most_knocks) {
    ++search.knocks;
    ++search.probes;
    search.knock_at = now + 3 * settings_.patience.knock;
    return cli().line_end;
  }
  return {};
}

bool Driver::asks_for_login(const config::Reply& reply) {
  return reply.answer.contains(username_place) || reply.answer.contains(password_place);
}

// What no waiting will mend, once the router is silent.
std::optional<Error> Driver::login_trouble(bool quiet) const {
  if (!quiet) return std::nullopt;
  if (prompt_.has_shape(terminal_.open_line())) return std::nullopt;
  for (const config::Pattern& limit : cli().session_limits) {
    if (limit && RE2::PartialMatch(terminal_.text(), limit.re())) {
      return Error{ErrorCode::session_limit, Phase::prompt,
                   label("the router has no free line: \"" + last_words(terminal_.text()) + '"')};
    }
  }
  const config::Reply* known = asked(cli().questions, true);
  if (known != nullptr && password_typed_ && known->answer.contains(password_place)) known = nullptr;
  if (known == nullptr && asks_to_log_in(terminal_.open_line())) {
    return Error{password_typed_ ? ErrorCode::authentication : ErrorCode::no_way_in, Phase::prompt,
                 label("the router asks for a second login inside the session: \"" +
                       last_words(terminal_.open_line()) + '"')};
  }
  return std::nullopt;
}

Error Driver::no_prompt(Error cause) const {
  cause.phase = Phase::prompt;
  if (cause.code != ErrorCode::deadline && cause.code != ErrorCode::closed) return cause;
  if (auto trouble = login_trouble(true)) return std::move(*trouble);
  const std::string words = last_words(terminal_.text());
  if (cause.code == ErrorCode::closed) {
    cause.text = label("the router closed the session before a prompt");
    if (!words.empty()) cause.text += ": \"" + words + '"';
    return cause;
  }
  cause.code = ErrorCode::no_prompt;
  cause.text = label(words.empty() ? "no prompt came: the router said nothing"
                                   : "no prompt came; the last line was \"" + words + '"');
  return cause;
}

Awaitable<Result<void>> Driver::set_up(Context ctx, std::string line) {
  const std::string typed_line = line + cli().line_end;
  const std::string timed_out = "no prompt after the set-up command \"" + line + '"';
  terminal_.clear();
  Reading reading;
  reading.echo = line;
  reading.silence = settings_.read_timeout;
  reading.questions = true;
  reading.timed_out = timed_out;
  auto sent = co_await send(ctx, Phase::setup, typed_line);
  if (!sent) co_return sent;
  auto read = co_await read_to_prompt(ctx, Phase::setup, reading);
  if (!read) co_return read;
  log_rejection(line, answer_of(reading));
  co_return Result<void>();
}

void Driver::log_rejection(std::string_view line, std::string_view answer) const {
  const bool rejected = std::ranges::any_of(cli().rejections, [&](const config::Pattern& rejection) {
    return rejection && RE2::PartialMatch(answer, rejection.re());
  });
  if (rejected) note("rejected, and that is all: \"", last_words(answer), "\"");
  if (rejected && settings_.log) {
    settings_.log->info("set-up command rejected, session goes on router=\"{}\" command=\"{}\" answer=\"{}\"",
                        settings_.label, line, last_words(answer));
  }
}

}  // namespace linewatch::connection
