#include "tests/sim/router/shell.hpp"

#include <utility>

#include "tests/sim/router/faulty_output.hpp"

namespace linewatch::sim {
namespace {

constexpr std::size_t max_line = 4096;
constexpr std::size_t max_type_ahead = 65536;
constexpr int max_steps_at_once = 256;  // then others have a turn
constexpr Micros late_pause{50'000};    // between late output and the echo

}  // namespace

Shell::Shell(const RouterConfig& router, Network& network, Terminal terminal, Faults faults,
             ShellObserver& observer)
    : router_(router),
      terminal_(std::move(terminal)),
      faults_(std::move(faults)),
      observer_(observer),
      dialect_(make_dialect(router, network)),
      drawing_(router),
      page_length_(router.page_length) {}

Shell::~Shell() {
  if (program_) report_ping(std::chrono::steady_clock::now(), true);
}

void Shell::login(TimePoint now) {
  due_ = now + router_.login_delay;
  if (faults_.silent == Faults::Silent::prompt) {
    state_ = State::silent;
    return;
  }
  advance(now);
}

void Shell::execute(const std::string& command, TimePoint now) {
  exec_ = true;
  line_ = command;
  start_command(now);
  advance(now);
}

void Shell::refuse() {
  emit(dialect_->over_limit());
  status_ = 1;
  state_ = State::closed;
}

void Shell::feed(std::string_view octets, TimePoint now) {
  if (state_ == State::silent || state_ == State::closed) return;
  input_.append(octets.substr(0, max_type_ahead - std::min(max_type_ahead, input_.size())));
  process(now);
}

void Shell::advance(TimePoint now) {
  if (state_ == State::logging_in && now >= due_) greet(now);
  if (state_ == State::late && now >= due_) state_ = State::editing;
  if (state_ == State::holding && now >= due_) react(dialect_->run(line_), now);
  if (state_ == State::running) play_due(now);
  process(now);
}

void Shell::greet(TimePoint now) {
  const std::string& motd = router_.motd;
  while (motd_at_ < motd.size()) {
    const std::size_t end = std::min(motd.find('\n', motd_at_), motd.size());
    if (motd_at_ > 0) emit("\n");
    emit(std::string_view(motd).substr(motd_at_, end - motd_at_));
    motd_at_ = end + 1;
    due_ = now + router_.quirks.motd_pause;
    if (due_ > now) return;
  }
  if (!motd.empty()) emit("\n");
  emit(dialect_->greeting());
  if (router_.quirks.login_question.empty()) return prompt();
  own_question_ = true;
  ask(router_.quirks.login_question);
}

std::optional<Shell::TimePoint> Shell::wakeup() const {
  if (state_ == State::logging_in || state_ == State::late || state_ == State::holding) return due_;
  if (state_ == State::running && step_) return program_start_ + step_->at;
  return std::nullopt;
}

void Shell::process(TimePoint now) {
  while (!input_.empty() && process_one(now)) {
  }
}

// Takes one key; false when keys have to wait.
bool Shell::process_one(TimePoint now) {
  switch (state_) {
    case State::silent:
    case State::closed:
      input_.clear();
      return false;
    case State::logging_in:
    case State::late:
      return false;
    case State::holding:
    case State::running: {
      std::size_t at = 0;
      while (at < input_.size() && !is_interrupt(input_[at])) ++at;
      if (at == input_.size() || (exec_ && !terminal_.present)) return false;
      if (faults_.deaf > 0) {
        --faults_.deaf;
        input_.erase(at, 1);
      } else {
        input_.erase(0, at + 1);
        interrupt(now);
      }
      return true;
    }
    case State::editing:
    case State::asking:
    case State::paging:
      break;
  }
  if (begin_late(now)) return false;
  const char c = input_[0];
  input_.erase(0, 1);
  if (state_ == State::paging) {
    turn_page(c);
  } else {
    edit(c, now);
  }
  return true;
}

// The next line is being typed, and something comes first that nobody waits for any more.
bool Shell::begin_late(TimePoint now) {
  const bool begins = state_ == State::editing && line_.empty() && input_[0] > ' ';
  if (faults_.late.empty() || !begins || std::exchange(was_late_, true)) return false;
  emit("\n" + faults_.late + "\n");
  prompt();
  state_ = State::late;
  due_ = now + late_pause;
  return true;
}

void Shell::edit(char c, TimePoint now) {
  const bool second_half = after_cr_ && (c == '\n' || c == '\0');
  after_cr_ = c == '\r';
  if (second_half) return;
  if (escape_ > 0) {
    if (escape_ == 1 && c == '[') {
      escape_ = 2;
    } else if (escape_ == 1 || (c >= '@' && c <= '~')) {
      escape_ = 0;
    }
    return;
  }
  if (c == '\r' || c == '\n') return enter(now);
  if (c == '\x1b') {
    escape_ = 1;
  } else if (c == '\b' || c == '\x7f') {
    erase(1);
  } else if (c == '\x15') {
    erase(line_.size());
  } else if (c == '\x17') {
    const std::size_t end = line_.find_last_not_of(' ');
    const std::size_t space = end == std::string::npos ? end : line_.find_last_of(' ', end);
    erase(line_.size() - (space == std::string::npos ? 0 : space + 1));
  } else if (is_interrupt(c)) {
    line_.clear();
    own_question_ = hidden_ = false;
    emit(dialect_->interrupt_echo() + "\n");
    prompt();
  } else if (c == '\x04') {
    const bool shell = router_.platform == PlatformKind::linux_shell || router_.platform == PlatformKind::frr;
    if (shell && line_.empty()) state_ = State::closed;
  } else if (static_cast<unsigned char>(c) >= ' ' && line_.size() < max_line) {
    line_ += c;
    if (echoes() && !hidden_) emit(drawing_.key(line_));
  }
}

void Shell::erase(std::size_t count) {
  for (; count > 0 && !line_.empty(); --count) {
    line_.pop_back();
    if (echoes()) emit(drawing_.rubout());
  }
}

void Shell::enter(TimePoint now) {
  if (echoes()) {
    const bool bash = router_.platform == PlatformKind::linux_shell && terminal_.type != "dumb";
    if (bash && state_ == State::editing) emit("\x1b[?2004l\r");
    if (state_ == State::editing) emit(drawing_.redrawn(line_));
    emit("\n");
  }
  was_late_ = false;
  if (own_question_) return answer_own_question();
  if (state_ == State::asking) {
    react(dialect_->answer(std::exchange(line_, {})), now);
    return;
  }
  if (line_.find_first_not_of(" \t") == std::string::npos) {
    line_.clear();
    prompt();
    return;
  }
  start_command(now);
}

void Shell::start_command(TimePoint now) {
  observer_.on_command(line_);
  if (line_.find_first_not_of(" \t") != std::string::npos) emit(drawing_.output_lead());
  pinged_ = line_.contains("ping");
  if (start_fault(now)) {
    line_.clear();
    return;
  }
  if (line_.find_first_not_of(" \t") == std::string::npos) return finish_command();
  state_ = State::holding;
  due_ = now + router_.command_delay;
  if (router_.command_delay.count() == 0) react(dialect_->run(line_), now);
}

// True if a fault takes the command's place.
bool Shell::start_fault(TimePoint now) {
  if (line_.find(faults_.commands) == std::string::npos) return false;
  if (faults_.close_in == Faults::Close::command) {
    budget_ = static_cast<std::size_t>(faults_.close_after);
    emit("");
    if (cut_) return true;
  }
  if (faults_.silent == Faults::Silent::command) {
    state_ = State::silent;
    return true;
  }
  if (faults_.endless) {
    play(make_endless_output(), now);
    return true;
  }
  if (faults_.flood > 0) {
    play(make_flood(faults_.flood), now);
    return true;
  }
  if (!faults_.question.empty()) {
    own_question_ = true;
    ask(faults_.question);
    return true;
  }
  if (faults_.garbage) {
    output_ += garbage();
    finish_command();
    return true;
  }
  return false;
}

void Shell::ask(const std::string& question) {
  emit(question);
  state_ = State::asking;
}

// A bare Enter is no answer to [Y/N]: it is asked again.
void Shell::answer_own_question() {
  const std::string& question = faults_.question.empty() ? router_.quirks.login_question : faults_.question;
  const bool answered = !line_.empty() || !question.contains("[Y/N]");
  line_.clear();
  if (!answered) return emit(question);
  own_question_ = false;
  finish_command();
}

void Shell::react(Reaction reaction, TimePoint now) {
  emit(reaction.heading);
  line_.clear();
  hidden_ = false;
  status_ = reaction.status;
  if (reaction.page_length && !router_.quirks.pages_always) page_length_ = *reaction.page_length;
  if (!reaction.question.empty()) {
    hidden_ = reaction.hidden && !router_.quirks.echoes_hidden;
    return ask(reaction.question);
  }
  if (reaction.program) {
    play(std::move(reaction.program), now);
    return;
  }
  if (reaction.close) {
    if (!exec_) emit(reaction.text);
    state_ = State::closed;
    return;
  }
  for (std::size_t at = 0; at < reaction.text.size();) {
    const std::size_t end = std::min(reaction.text.find('\n', at), reaction.text.size() - 1);
    unseen_.push_back(reaction.text.substr(at, end + 1 - at));
    at = end + 1;
  }
  page(page_length_ > 1 ? static_cast<std::size_t>(page_length_ - 1) : 1);
}

void Shell::play(std::unique_ptr<Program> program, TimePoint now) {
  program_ = std::move(program);
  program_start_ = now;
  step_ = program_->next();
  state_ = State::running;
  play_due(now);
}

void Shell::play_due(TimePoint now) {
  for (int i = 0; i < max_steps_at_once; ++i) {
    if (cut_) return;
    if (!step_) {
      report_ping(now, false);
      status_ = program_->exit_status();
      program_.reset();
      finish_command();
      return;
    }
    if (program_start_ + step_->at > now) return;
    emit(step_->text);
    step_ = program_->next();
  }
}

void Shell::interrupt(TimePoint now) {
  emit(dialect_->interrupt_echo());
  if (program_) {
    const std::string last_words = program_->interrupt(since_start(now));
    emit(last_words);
    report_ping(now, true);
    program_.reset();
    step_.reset();
    status_ = 130;
  } else {
    emit("\n");
  }
  line_.clear();
  finish_command();
}

void Shell::page(std::size_t lines) {
  const bool whole = page_length_ == 0 || exec_ || !dialect_->pages();
  while (!unseen_.empty() && (whole || lines-- > 0)) {
    emit(unseen_.front());
    unseen_.pop_front();
  }
  if (unseen_.empty()) return finish_command();
  emit(dialect_->pager().text);
  state_ = State::paging;
}

void Shell::turn_page(char key) {
  const bool next_line = key == '\r' || key == '\n';
  const bool quit = key == 'q' || key == 'Q' || is_interrupt(key);
  const bool rest = key != '\0' && key == dialect_->pager().rest;
  if (!next_line && !quit && !rest && key != ' ') return;
  emit(dialect_->pager().erase);
  if (quit) unseen_.clear();
  if (rest) return page(unseen_.size());
  page(next_line ? 1 : static_cast<std::size_t>(std::max(page_length_ - 1, 1)));
}

void Shell::finish_command() {
  if (budget_) {  // the output was shorter than what the cut waited for
    cut_ = true;
    state_ = State::closed;
    return;
  }
  if (exec_) {
    state_ = State::closed;
    return;
  }
  prompt();
}

void Shell::prompt() {
  state_ = State::editing;
  if (router_.platform == PlatformKind::linux_shell) {
    if (!terminal_.present) return;
    // What bash says to every terminal that is not dumb.
    if (terminal_.type != "dumb") emit("\x1b[?2004h");
  }
  const bool pinged = std::exchange(pinged_, false);
  if (pinged && !router_.quirks.new_name.empty()) drawing_.rename();
  emit(drawing_.prompt(dialect_->prompt()));
  if (pinged) emit(router_.quirks.behind_prompt);
}

void Shell::emit(std::string_view text) {
  if (cut_) return;
  const bool raw = router_.platform == PlatformKind::linux_shell && !terminal_.present;
  std::string octets;
  octets.reserve(text.size() + 8);
  for (const char c : text) {
    if (c == '\n' && !raw) {
      octets += router_.quirks.line_end;
    } else {
      octets += c;
    }
  }
  if (budget_) {
    if (octets.size() >= *budget_) {
      octets.resize(*budget_);
      cut_ = true;
      state_ = State::closed;
    }
    *budget_ -= octets.size();
  }
  output_ += octets;
}

void Shell::report_ping(TimePoint now, bool interrupted) {
  if (const auto counts = program_->counts(since_start(now))) observer_.on_ping(*counts, interrupted);
}

bool Shell::is_interrupt(char c) const {
  return c == '\x03' || (c == '\x1e' && router_.platform == PlatformKind::cisco_iosxe);
}

bool Shell::echoes() const {
  return terminal_.present || router_.platform != PlatformKind::linux_shell;
}

Micros Shell::since_start(TimePoint now) const {
  return std::chrono::duration_cast<Micros>(now - program_start_);
}

}  // namespace linewatch::sim
