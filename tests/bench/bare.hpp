#pragma once
// The least that commands over SSH can cost here: libssh and epoll in a bare loop, no coroutine, no time
// limit, no cancellation, no terminal, no learned prompt. Our sessions are measured against it.

#include <libssh/libssh.h>

#include <string>
#include <vector>

#include "tests/bench/lab.hpp"

namespace linewatch::bench {

class BareLoop {
 public:
  // Logs in one after another, blocking; ends the program if that fails.
  BareLoop(const Server& server, int sessions);
  ~BareLoop();
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;

  // So many commands on each session, one after another; all sessions at once.
  void type(int commands);

 private:
  struct Shell {
    ssh_session session = nullptr;
    ssh_channel channel = nullptr;
    std::string output;
    int left = 0;  // commands not yet typed
  };
  void log_in(const Server& server, Shell& shell);
  void type_line(Shell& shell, std::string_view line);
  bool at_prompt(Shell& shell);  // reads what there is
  void serve(Shell& shell);

  int epoll_ = -1;
  std::vector<Shell> shells_;
  int busy_ = 0;
};

}  // namespace linewatch::bench
