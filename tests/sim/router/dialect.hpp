#pragma once
// One platform's command line: its prompt, its pager, and what it does with a line. One object per session,
// since a line may change the session's mode. It knows nothing of terminals, time or SSH.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/sim/router/network.hpp"
#include "tests/sim/router/ping.hpp"
#include "tests/sim/router/program.hpp"

namespace linewatch::sim {

// What a command line leads to. At most one of text, program and question is there.
struct Reaction {
  std::string heading;               // printed at once, before text or program
  std::string text;                  // goes through the pager
  std::unique_ptr<Program> program;  // plays in time, never paged
  std::string question;              // the next line goes to answer()
  bool hidden = false;               // ... and is not echoed
  bool close = false;                // the session ends, with `status`
  int status = 0;
  std::optional<int> page_length;  // set from now on; 0 = no paging
};

// How a key at the pager is shown and wiped.
struct Pager {
  std::string text;
  std::string erase;
  char rest = '\0';  // the key that prints all that is left, if there is one
};

class Dialect {
 public:
  Dialect(const RouterConfig& router, Network& network) : router_(router), network_(network) {}
  Dialect(const Dialect&) = delete;
  Dialect& operator=(const Dialect&) = delete;
  virtual ~Dialect() = default;

  virtual std::string prompt() const = 0;
  virtual Reaction run(const std::string& line) = 0;  // the line is not blank
  virtual Reaction answer(const std::string&) { return {}; }
  virtual Pager pager() const = 0;
  virtual bool pages() const { return true; }                // long texts stop at each screen
  virtual std::string greeting() const { return {}; }        // of the platform, before the first prompt
  virtual std::string over_limit() const = 0;                // said when no line is free
  virtual std::string interrupt_echo() const { return {}; }  // what Ctrl-C shows

 protected:
  // What keeps a ping or a traceroute from beginning.
  enum class Trouble { vrf, name, source };
  virtual Reaction complaint(Trouble trouble, const PingRequest& request) const = 0;

  using MakePing = std::unique_ptr<Program> (*)(const PingRequest&, const Resolved&, Probes);
  Reaction start_ping(PingRequest request, MakePing make);  // or the complaint
  Reaction start_trace(const PingRequest& request);         // count: the probes of each hop

  const RouterConfig& router() const { return router_; }
  Network& network() const { return network_; }

 private:
  std::optional<Trouble> trouble(const PingRequest& request, const std::optional<Resolved>& target) const;

  const RouterConfig& router_;
  Network& network_;
};

std::unique_ptr<Dialect> make_dialect(const RouterConfig& router, Network& network);

// The platforms, one file each.
std::unique_ptr<Dialect> make_ios(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_xr(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_nxos(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_junos(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_eos(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_routeros(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_fortios(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_vrp(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_comware(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_linux(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_frr(const RouterConfig& router, Network& network);
std::unique_ptr<Dialect> make_sros(const RouterConfig& router, Network& network);  // both command lines

// Long enough to meet the pager: an invented inventory under the platform's heading.
std::string inventory(const std::string& heading, const std::string& name);

}  // namespace linewatch::sim
