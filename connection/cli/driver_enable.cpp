// The driver's step from a session without rights to one with them: the profile's `enable` command, its
// question, the credential's answer, and a prompt that proves it.

#include <utility>

#include "connection/cli/driver.hpp"
#include "connection/cli/text.hpp"

namespace linewatch::connection {

bool Driver::privileged() const {
  return !cli().enable || !prompt_.learned() || matches_at_end(cli().enable->privileged, prompt_.line());
}

// What a line of the answer may be waiting for.
enum class Driver::Rights { unknown, asked, at_prompt };

Driver::Rights Driver::rights_seen() const {
  const std::string_view open = terminal_.open_line();
  if (matches_at_end(cli().enable->question, open)) return Rights::asked;
  const bool behind_echo = terminal_.open_line_start() > 0;  // not the line that is being typed, drawn anew
  return behind_echo && prompt_.has_shape(open) ? Rights::at_prompt : Rights::unknown;
}

// Sends a line and reads until the question or a prompt stands at the end.
Awaitable<Result<Driver::Rights>> Driver::ask_for_rights(Context ctx, config::Secret line, bool secret) {
  terminal_.clear();
  hide_received_ = secret;  // some devices echo even a password
  const std::string& text = line.reveal();
  auto sent = co_await send(ctx, Phase::setup, text, secret);
  if (!sent) co_return std::unexpected<Error>(std::move(sent.error()));
  note("waiting for the question ", cli().enable->question.text(), " or a prompt",
       secret ? "; what comes is not shown" : "");
  const std::string timed_out = "neither a question nor a prompt after \"" + cli().enable->command + '"';
  const Context limited = ctx.within(settings_.read_timeout);
  for (;;) {
    auto read = co_await channel_.read(limited, raw_);
    take_in();
    if (!read) co_return failed(std::move(read.error()), Phase::setup, timed_out);
    terminal_.keep_tail(4096);
    const Rights seen = rights_seen();
    if (seen != Rights::unknown) co_return seen;
    if (limited.expired()) {  // a read ends by itself only when nothing comes
      Error late{ErrorCode::deadline, Phase::setup, ""};
      co_return failed(std::move(late), Phase::setup, timed_out);
    }
  }
}

Error Driver::refused_rights(bool typed, bool asked_again) const {
  const std::string said =
      asked_again ? "" : last_words(terminal_.text().substr(0, terminal_.open_line_start()));
  std::string text = label("\"" + cli().enable->command + "\" was refused");
  if (asked_again) text += ": the enable_password is not right";
  if (!said.empty()) text += ": \"" + said + '"';
  const ErrorCode code = typed ? ErrorCode::authentication : ErrorCode::no_way_in;
  return Error{code, Phase::setup, std::move(text)};
}

// Nothing is typed where the session has its rights already, or the credential has no enable_password.
Awaitable<Result<void>> Driver::enable(Context ctx) {
  if (privileged() || !settings_.enable_password) co_return Result<void>();
  config::Secret command(cli().enable->command + cli().line_end);
  auto seen = co_await ask_for_rights(ctx, std::move(command), false);
  const bool asked = seen && *seen == Rights::asked;
  if (asked) {
    config::Secret password(settings_.enable_password->reveal() + cli().line_end);
    seen = co_await ask_for_rights(ctx, std::move(password), true);
  }
  hide_received_ = false;
  if (!seen) co_return std::unexpected<Error>(std::move(seen.error()));
  if (*seen == Rights::asked) co_return std::unexpected<Error>(refused_rights(true, true));
  if (!matches_at_end(cli().enable->privileged, terminal_.open_line()))
    co_return std::unexpected<Error>(refused_rights(asked, false));
  co_return co_await find_prompt(ctx);  // learned anew: its last sign has changed
}

}  // namespace linewatch::connection
