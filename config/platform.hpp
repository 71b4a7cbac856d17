#pragma once
// A platform as data: how its command line behaves and how its ping is typed and read. One readable YAML file each,
// built in (config/platforms/*.yaml) or of the site's own (platforms_dir). Loaded and checked before a run; immutable
// afterwards and shared by all routers of the platform, on any loop (RE2 objects are safe to share).

#include <re2/re2.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/duration.hpp"

namespace linewatch::config {

// A pattern with the text it was written as. RE2: linear time, whatever a router prints. Copyable.
class Pattern {
 public:
  Pattern() = default;
  explicit Pattern(const std::string& text);  // ok() tells whether it compiled
  bool ok() const { return re_ && re_->ok(); }
  std::string error() const { return re_ ? re_->error() : "empty"; }
  const std::string& text() const { return text_; }
  const RE2& re() const { return *re_; }
  explicit operator bool() const { return re_ != nullptr; }

 private:
  std::string text_;
  std::shared_ptr<const RE2> re_;
};

struct Reply {  // the router asks or pages, the agent answers
  Pattern seen;
  std::string answer;  // sent as it is, with no line end added
};

struct CliProfile {
  Pattern prompt;                  // the shape of a prompt before one is learned; matched at the very end of what came
  std::string line_end = "\n";     // what Enter sends
  std::vector<std::string> setup;  // typed after login, each to its prompt: paging off, width; a rejection is logged only
  std::vector<Reply> pagers;       // a pager seen although paging was switched off
  std::vector<Reply> questions;    // login surprises: "Change now? [Y/N]"
  std::vector<Pattern> rejections; // lines that say a command was not understood or not permitted
  std::vector<Pattern> session_limits;  // login texts that say no line is free
  std::string interrupt = "\x03";  // Ctrl-C
  std::vector<std::string> logout; // typed in turn; the router closes after the last
};

// One option's place in the ping command, e.g. {text: " repeat {value}", max: 2147483647}.
struct PingOption {
  enum class Unit { none, seconds, milliseconds };      // what {value} of a duration is written in
  enum class Octets { ip_packet, payload };             // what {value} of a size counts
  std::string text;                                     // with {value}; typed only when the option is wanted
  Unit unit = Unit::none;
  Octets octets = Octets::ip_packet;
  bool fraction = false;                                // seconds may have decimals
  std::optional<double> min, max;                       // of {value}, in its own unit
};

// The ping of one address family. A place {name} in the command is replaced by the option's text or by nothing.
struct PingSyntax {
  std::string command;  // "ping{vrf} {target}{count}{timeout}{size}{source}{df}"
  std::optional<PingOption> count, timeout, size, source, source_interface, vrf, df, dscp, interval;
};

// How a ping's answer is read. All patterns are searched in the stripped output, with (?m) in force.
// Named groups carry the figures; a figure's unit is `rtt_unit` unless the group `unit` says us, ms or s.
struct PingAnswer {
  std::vector<Pattern> counts;       // groups sent, received; the last match wins; one pattern may hold only one of them
  std::vector<Pattern> rtt;          // groups min, avg, max, stddev (some may be absent), unit
  Pattern probe;                     // one answered probe: groups seq (optional), rtt, unit
  Pattern probe_lost;                // one lost probe: group seq (optional)
  Pattern marks;                     // group marks: a run of one-letter outcomes
  std::string reply_marks = "!";     // the letters among them that are replies
  std::string unreachable_marks;     // ... that say unreachable
  int first_sequence = 0;            // icmp_seq or Sequence of the first probe
  std::string rtt_unit = "ms";
  std::vector<Pattern> unreachable;  // no route, unreachable, source interface down: the line is down
  std::vector<Pattern> name_error;   // the target's name was not resolved
  std::vector<Pattern> refused;      // VRF or source unknown, not permitted, not understood
};

struct PingProfile {
  std::optional<PingSyntax> ipv4, ipv6;
  Duration probe_interval{0};   // between probes as the device paces them; 0 = the next goes when the reply came
  Duration probe_timeout{2000}; // what the device waits for a reply where the command cannot say it
  bool endless = false;         // never ends by itself: count and timeout are imposed by the agent with the interrupt
  PingAnswer answer;
};

struct Platform {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::string origin;  // "built in" or the file's path
  CliProfile cli;
  PingProfile ping;
};

// All platforms by name; find() also knows aliases.
class Platforms {
 public:
  void add(std::shared_ptr<const Platform> platform);  // replaces one of the same name
  std::shared_ptr<const Platform> find(const std::string& name) const;  // null if unknown
  std::vector<std::string> names() const;  // sorted, without aliases
  std::vector<std::string> names_and_aliases() const;

 private:
  std::map<std::string, std::shared_ptr<const Platform>> by_name_;
  std::map<std::string, std::string> aliases_;
};

}  // namespace linewatch::config
