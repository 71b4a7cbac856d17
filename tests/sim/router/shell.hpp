#pragma once
// One interactive session's terminal: echo, line editing, paging, a running command, Ctrl-C, and the faults
// it was told to show. Without I/O and without a clock: octets and the time come in, octets and the next time
// it wants to be called go out. Owned by its SSH channel.

#include <chrono>
#include <deque>
#include <utility>

#include "tests/sim/router/dialect.hpp"
#include "tests/sim/router/drawing.hpp"

namespace linewatch::sim {

struct Terminal {
  bool present = false;  // a PTY was asked for
  std::string type = "vt100";
};

class ShellObserver {
 public:
  virtual ~ShellObserver() = default;
  virtual void on_command(const std::string& line) = 0;
  virtual void on_ping(const PingCounts& counts, bool interrupted) = 0;
};

class Shell {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // All references outlive the shell. `faults` are those of this session.
  Shell(const RouterConfig& router, Network& network, Terminal terminal, Faults faults,
        ShellObserver& observer);
  ~Shell();  // reports a ping that still runs
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // One of these begins.
  void login(TimePoint now);
  void execute(const std::string& command, TimePoint now);
  void refuse();  // no line is free

  void feed(std::string_view octets, TimePoint now);
  void advance(TimePoint now);
  std::optional<TimePoint> wakeup() const;

  std::string take_output() { return std::exchange(output_, {}); }
  bool closed() const { return state_ == State::closed; }
  // Nothing runs, nothing was typed ahead.
  bool idle() const { return state_ == State::editing && input_.empty(); }
  bool cut() const { return cut_; }  // the connection breaks as soon as the output is sent
  int exit_status() const { return status_; }

 private:
  enum class State { logging_in, editing, late, holding, running, paging, asking, silent, closed };

  void greet(TimePoint now);
  void process(TimePoint now);
  bool process_one(TimePoint now);
  void edit(char c, TimePoint now);
  bool begin_late(TimePoint now);
  void erase(std::size_t count);
  void enter(TimePoint now);
  void ask(const std::string& question);
  void answer_own_question();
  void start_command(TimePoint now);
  bool start_fault(TimePoint now);
  void react(Reaction reaction, TimePoint now);
  void play(std::unique_ptr<Program> program, TimePoint now);
  void play_due(TimePoint now);
  void interrupt(TimePoint now);
  void page(std::size_t lines);
  void turn_page(char key);
  void finish_command();
  void prompt();
  void emit(std::string_view text);
  void report_ping(TimePoint now, bool interrupted);
  bool is_interrupt(char c) const;
  bool echoes() const;
  Micros since_start(TimePoint now) const;

  const RouterConfig& router_;
  Terminal terminal_;
  Faults faults_;
  ShellObserver& observer_;
  std::unique_ptr<Dialect> dialect_;
  Drawing drawing_;
  State state_ = State::logging_in;
  bool exec_ = false;
  std::size_t motd_at_ = 0;    // up to here the motd was shown
  bool own_question_ = false;  // asked by a quirk or a fault, not by the dialect
  bool was_late_ = false;      // what comes late came before the line that is being typed
  bool pinged_ = false;        // since the last prompt
  bool hidden_ = false;        // what is typed now is not echoed
  TimePoint due_{};            // end of the login's, the command's or late output's delay

  std::string input_;  // typed ahead
  std::string line_;
  int escape_ = 0;  // inside a terminal sequence
  bool after_cr_ = false;

  std::unique_ptr<Program> program_;
  TimePoint program_start_{};
  std::optional<Step> step_;        // the next to play
  std::deque<std::string> unseen_;  // lines behind the pager
  int page_length_;

  std::string output_;
  std::optional<std::size_t> budget_;  // octets left before the connection is cut
  bool cut_ = false;
  int status_ = 0;
};

}  // namespace linewatch::sim
