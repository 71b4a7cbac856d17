#pragma once
// Works one command line over a byte channel: finds and learns the prompt, switches paging off, types a
// command and reads its answer to the prompt, gets back to the prompt after a trouble, logs out. Owned by a
// session, on its loop; one call at a time.

#include <spdlog/logger.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/platform.hpp"
#include "config/secret.hpp"
#include "connection/cli/byte_channel.hpp"
#include "connection/cli/prompt.hpp"
#include "connection/cli/terminal.hpp"
#include "connection/cli/trace.hpp"

namespace linewatch::connection {

// How long a silence must last before it means something. None of them is waited for when all goes well.
struct Patience {
  Clock::duration settle =
      std::chrono::milliseconds(500);               // at login: the router has said what it had to say
  Clock::duration knock = std::chrono::seconds(3);  // at login: no prompt; perhaps it waits for Enter
  Clock::duration suspect =
      std::chrono::seconds(1);  // the prompt may stand before a log line, or have changed
  Clock::duration no_echo =
      std::chrono::milliseconds(300);  // a prompt without an echo before it, of a mute router
  Clock::duration late_echo = std::chrono::seconds(2);  // ... of one that has echoed: more likely late output
  Clock::duration interrupt = std::chrono::seconds(2);  // recovering: no prompt; the interrupt was lost
};

struct DriverSettings {
  std::string label;  // "bj-edge-1 (192.0.2.1:22)", in front of every error
  std::shared_ptr<const config::Platform> platform;
  std::optional<config::Secret> enable_password;  // for the profile's `enable`
  std::string username;                           // {username} and {password} in a profile's answers:
  std::optional<config::Secret> password;         // some devices ask for both once more
  Clock::duration read_timeout = std::chrono::seconds(30);  // silence at login and while setting up
  Clock::duration write_timeout = std::chrono::seconds(10);
  std::shared_ptr<spdlog::logger> log;
  Trace trace;
  Patience patience;
};

class Driver {
 public:
  // `channel` outlives the driver.
  Driver(ByteChannel& channel, DriverSettings settings);

  // Banner to prompt, then the set-up commands.
  Awaitable<Result<void>> login(Context ctx);
  Awaitable<Result<CommandOutput>> run(Context ctx, Command command);
  Awaitable<Result<void>> check(Context ctx);
  Awaitable<Result<void>> recover(Context ctx);
  // Types the logout lines and reads until the router closes or the context ends.
  Awaitable<void> logout(Context ctx);

  bool privileged() const;  // has it the rights that `enable` gives?
  bool dirty() const { return dirty_; }
  const std::string& prompt() const { return prompt_.line(); }

 private:
  struct Reading;
  struct LoginSearch;
  enum class Rights;

  const config::CliProfile& cli() const { return settings_.platform->cli; }
  std::string label(std::string_view text) const;
  template <class... Parts>
  void note(const Parts&... parts) const {
    if (settings_.trace) settings_.trace(TraceDirection::note, (std::string() + ... + parts));
  }
  std::unexpected<Error> failed(Error error, Phase phase, std::string_view timed_out) const;

  Awaitable<Result<void>> find_prompt(Context ctx);
  Awaitable<Result<void>> set_up(Context ctx, std::string line);
  Awaitable<Result<void>> enable(Context ctx);
  Awaitable<Result<Rights>> ask_for_rights(Context ctx, config::Secret line, bool secret);
  Rights rights_seen() const;
  Error refused_rights(bool typed, bool asked_again) const;
  bool prompt_confirmed(LoginSearch& search, bool quiet);
  config::Secret filled(std::string_view answer);
  std::string_view login_reply(LoginSearch& search, bool quiet);
  std::optional<Error> login_trouble(bool quiet) const;
  Error no_prompt(Error cause) const;

  Result<void> drain();
  Result<bool> type(Phase phase, std::string_view& bytes, bool secret);
  Awaitable<Result<void>> type_rest(Context ctx, Phase phase, std::string_view bytes);
  Awaitable<Result<void>> send(Context ctx, Phase phase, std::string_view bytes, bool secret = false);
  void take_in();
  void drop_noise(std::size_t fed);
  Awaitable<Result<void>> read_to_prompt(Context ctx, Phase phase, Reading& reading);
  bool at_end(Reading& reading, bool quiet);
  bool echoed(Reading& reading, bool quiet);
  std::string_view reply_to(Reading& reading, bool quiet, TimePoint now);
  bool suspects_prompt(Reading& reading);
  std::string answer_of(const Reading& reading);
  // Does the answer hold the user's name or password? Only a login gives these.
  static bool asks_for_login(const config::Reply& reply);
  const config::Reply* asked(const std::vector<config::Reply>& replies, bool quiet) const;
  void log_rejection(std::string_view line, std::string_view answer) const;

  ByteChannel& channel_;
  DriverSettings settings_;
  Terminal terminal_;
  Prompt prompt_;
  std::string raw_;  // one read's octets; empty between commands
  bool dirty_ = false;
  bool echoes_ = false;  // has echoed a command: a prompt without an echo before it is suspect
  bool password_typed_ =
      false;                    // in answer to a question inside the session: once, since accounts get locked
  bool hide_received_ = false;  // a secret command's echo is not traced
};

}  // namespace linewatch::connection
