#pragma once
// What a simulated router is: plain values, read from YAML or flags, immutable while it runs. Times are
// microseconds, since a round trip may be shorter than a millisecond.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace linewatch::sim {

using Micros = std::chrono::microseconds;

enum class PlatformKind {
  cisco_iosxe,
  cisco_iosxr,
  cisco_nxos,
  huawei_vrp,
  h3c_comware,
  juniper_junos,
  arista_eos,
  nokia_sros,
  nokia_sros_classic,
  mikrotik_routeros,
  fortinet_fortios,
  linux_shell,
  frr
};

std::optional<PlatformKind> platform_kind(const std::string& name);  // "cisco_iosxe", "linux", ...
std::string platform_name(PlatformKind kind);
std::string platform_names();  // "cisco_iosxe, cisco_iosxr, ..."

// How probes to one target fare.
struct Target {
  std::string
      address;  // what a name resolves to; empty: the target is an address, or one is made up from the name
  Micros delay{5000};        // round trip time
  Micros jitter{0};          // each round trip is delay +- jitter, evenly spread
  double loss = 0;           // 0..1, drawn for each probe from the seed
  std::string pattern;       // by probe, repeated: '!' reply, '.' lost, 'U' unreachable; wins over loss
  bool unreachable = false;  // an ICMP unreachable comes back
  bool no_route = false;     // the router has no route to it
  int mtu = 0;               // octets of an IP packet; bigger ones with "do not fragment" fail; 0 = any
};

// What goes wrong, for the first `sessions` sessions (0 = all).
struct Faults {
  enum class Silent { never, tcp, auth, prompt, command };
  enum class Close { never, auth, command };
  Silent silent = Silent::never;  // from there on the router never speaks
  Close close_in = Close::never;  // the connection is cut there
  int close_after = 0;            // octets of the command's output that still come
  bool endless = false;           // the command prints for ever
  std::uint64_t flood = 0;  // the command prints so many octets, as fast as they are read, then the prompt
  bool garbage = false;     // the command prints control and other octets that make no sense, then the prompt
  std::string question;     // the command asks this and does nothing
  int deaf = 0;             // so many Ctrl-C of a session are not heard while a command runs
  std::string late;         // comes with a prompt of its own when the next line is begun, before its echo
  std::string commands = "ping";  // command faults but `deaf` and `late`: only commands that hold this text
  int sessions = 0;
};

// What is odd in the way a router talks. All of it was met on real ones.
struct Quirks {
  // How the typed line is drawn anew at Enter: by carriage return, backspaces, cursor sequences; title: as it
  // is, with the window's title behind it.
  enum class Echo { plain, carriage_return, backspaces, cursor, title };
  Echo echo = Echo::plain;
  int columns = 0;            // a longer line scrolls: "r1#$0.2.1 repeat 5"; 0 = it has the width it was told
  std::string shown_name;     // in prompts in the place of the name; any octets
  std::string new_name;       // ... from the first ping on
  std::string prompt_lead;    // before each prompt: "{master:0}\n", "[12:00:{n}] "; {n} counts up
  std::string output_lead;    // before each command's output: a time; {n} counts up
  std::string behind_prompt;  // a log message behind the prompt that follows a ping
  std::string login_question;  // stands in the place of the first prompt until it is answered
  std::string line_end = "\r\n";
  Micros motd_pause{0};        // after each line of the motd, which is still open then
  bool pages_always = false;   // whatever it was told of paging
  bool echoes_hidden = false;  // passwords, too
};

// What the router does when all its lines are taken.
enum class OverLimit { text, disconnect };
enum class ExecMode { run, refuse, ignore };

struct RouterConfig {
  std::string name = "router1";
  PlatformKind platform = PlatformKind::cisco_iosxe;
  std::string address = "127.0.0.1";      // loopback only
  std::uint16_t port = 0;                 // 0: a free one
  std::string host_key_file;              // empty: a key is made
  std::string host_key_type = "ed25519";  // ed25519, rsa, ecdsa: of the key that is made
  bool legacy_ssh = false;  // offers only what routers of 2010 know (needs an RSA host key, and makes one)

  std::string user = "netmon";
  std::string password;                      // empty: no login by password
  std::vector<std::string> authorized_keys;  // lines as in OpenSSH's file
  std::string enable_password;               // not empty: sessions begin without rights (IOS, EOS)
  bool keyboard_interactive = false;         // also offered, with the same password
  int auth_tries = 3;

  std::string banner;     // sent before authentication
  std::string motd;       // printed before the first prompt; may hold lines that look like one
  Micros login_delay{0};  // shell granted to first prompt
  Micros auth_delay{0};
  Micros command_delay{0};
  int max_sessions = 0;  // 0: no limit
  OverLimit over_limit = OverLimit::text;
  ExecMode exec = ExecMode::run;
  int page_length = 24;
  int chunk = 0;  // octets per write; 0 = as they come
  Micros chunk_delay{0};
  std::string log_line;  // a log message that appears in the middle of each ping

  std::optional<std::vector<std::string>> vrfs;     // the ones it knows; absent: any
  std::optional<std::vector<std::string>> sources;  // addresses and interfaces it has; absent: any
  std::map<std::string, Target> targets;            // by address or name; "*" is every other address
  Quirks quirks;
  Faults faults;
  std::uint64_t seed = 1;
};

struct SimulatorConfig {
  std::vector<RouterConfig> routers;
};

}  // namespace linewatch::sim
