#pragma once
// A platform as data: how its command line behaves and how its ping is typed and read. One readable YAML file
// each, built in (config/platforms/*.yaml) or of the site's own (platforms_dir). Loaded and checked before a
// run; immutable afterwards and shared by all routers of the platform, on any loop (RE2 objects are safe to
// share).

#include <re2/re2.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/duration.hpp"
#include "config/platform_traceroute.hpp"

namespace linewatch::config {

// What each match of a regular expression (without flags in front) must hold: found by reading it.
struct RequiredText {
  std::string text;
  bool one_line = false;  // certain never to match a line's end
  bool first = false;     // each match begins with it
};
RequiredText required_text(std::string_view pattern);

// A pattern with the text it was written as. RE2 on octets (Latin-1), with (?m) in force: linear time,
// whatever a router prints, and no octet is invalid. Copyable; copies share what was compiled.
class Pattern {
 public:
  Pattern() = default;
  explicit Pattern(const std::string& text);  // ok() tells whether it compiled
  bool ok() const { return re_ && re_->ok(); }
  std::string error() const { return re_ ? re_->error() : "empty"; }
  const std::string& text() const { return text_; }
  const RE2& re() const { return *re_; }
  explicit operator bool() const { return re_ != nullptr; }
  bool operator==(const Pattern& other) const { return text_ == other.text_; }

  // The number of the group (?P<name>...), or -1.
  int group(std::string_view name) const;

  // Plain text that every match holds, to find the place at the speed of memory; empty if none is known.
  const std::string& literal() const { return required_.text; }
  bool one_line() const { return required_.one_line; }    // a match never leaves its line
  bool literal_first() const { return required_.first; }  // each match begins with literal()
  bool at_line_start() const { return at_line_start_; }   // begins with '^'

 private:
  std::string text_;
  std::shared_ptr<const RE2> re_;
  std::vector<std::pair<std::string, int>> groups_;
  RequiredText required_;
  bool at_line_start_ = false;
};

struct Reply {  // the router asks or pages, the agent answers
  Pattern seen;
  std::string answer;  // sent as it is, with no line end added
  bool operator==(const Reply&) const = default;
};

// How a session that begins without rights is given them (credentials.*.enable_password).
struct Enable {
  std::string command;  // "enable"
  Pattern question;     // "Password:"
  Pattern privileged;   // a prompt that proves the rights, at its very end: "#"
  bool operator==(const Enable&) const = default;
};

struct CliProfile {
  Pattern prompt;  // the shape of a prompt before one is learned; matched at the very end of what came
  std::string line_end = "\n";  // what Enter sends
  std::vector<std::string>
      setup;  // typed after login, each to its prompt: paging off, width; a rejection is logged only
  std::vector<Reply> pagers;            // a pager seen although paging was switched off
  std::vector<Reply> questions;         // login surprises: "Change now? [Y/N]"
  std::optional<Enable> enable;         // none: all sessions have the same rights
  std::vector<Pattern> rejections;      // lines that say a command was not understood or not permitted
  std::vector<Pattern> session_limits;  // texts at login that say no line is free
  std::vector<Pattern>
      noise;  // what a device prints beside its answers, even behind a prompt; taken out, wherever it stands
  std::string interrupt = "\x03";   // Ctrl-C
  std::vector<std::string> logout;  // typed in turn; the router closes after the last
  bool operator==(const CliProfile&) const = default;
};

// How one wish of a line is typed, e.g. {text: " repeat {value}", min: 1, max: 2147483647}.
struct PingOption {
  enum class Unit {
    none,
    seconds,
    milliseconds,
    traffic_class
  };  // what {value} is written in; traffic_class: dscp x 4
  enum class Octets {
    ip_packet,
    icmp,
    payload
  };  // what {value} of a size counts; icmp: without the IP header; payload: without IP and ICMP headers
  std::string text;       // typed when the option is wanted
  std::string otherwise;  // typed when it is not
  Unit unit = Unit::none;
  Octets octets = Octets::ip_packet;
  bool fraction = false;           // seconds may have decimals
  std::optional<double> min, max;  // of {value}, in its own unit
  Pattern accepts;                 // what {value} must look like from end to end, if given

  // What {value} of a size leaves out of an IP packet of this family, in octets.
  int headers_left_out(bool ipv6) const;
  bool operator==(const PingOption&) const = default;
};

// The ping of one address family. A place {name} in the command is replaced by the option's text or by
// nothing. An option without a place in the command is not set: the platform cannot say it. {source} is the
// place of both source (an address) and source_interface; where these stand apart: {source_address} and
// {source_interface}.
struct PingSyntax {
  std::vector<std::string> before;  // typed first, each to its prompt, where wishes are commands of their own
  std::string command;              // "ping{vrf} {target}{count}{timeout}{size}{source}{df}"
  std::optional<PingOption> count, timeout, size, source, source_interface, vrf, df, dscp, interval;
  bool operator==(const PingSyntax&) const = default;
};

// A line of totals: groups sent, received, min, avg, max, stddev, unit, or rtt (of the one probe there was).
struct TotalsPattern {
  Pattern pattern;
  std::optional<int> sent, received;  // what the line means without printing it: "X is alive"
  std::string unit;                   // of its times, where not rtt_unit and not printed
  bool operator==(const TotalsPattern&) const = default;
};

// One answered probe: groups rtt, seq (optional), unit (optional).
struct ReplyPattern {
  Pattern pattern;
  int first_sequence = 0;  // what seq is for the first probe
  bool operator==(const ReplyPattern&) const = default;
};

// How a ping's answer is read. All patterns are searched in the stripped output. Figures stand in named
// groups; a round trip time is in `rtt_unit` unless the group `unit` says us, usec, ms, msec or s.
struct PingAnswer {
  Pattern begin;  // where the answer starts, after echo and questions; the last match counts
  std::vector<TotalsPattern> totals;  // the last match of each wins
  std::vector<ReplyPattern> replies;  // the first that is found at all is the one this device prints
  std::vector<Pattern>
      failures;   // one lost probe each: group seq (optional); what is seen of a loss without totals
  Pattern marks;  // group marks: a run of one-letter outcomes
  std::string reply_marks = "!";  // the letters among them that are replies
  std::string unreachable_marks;  // ... that say unreachable
  std::string rtt_unit = "ms";
  bool duplicates_counted = false;  // `received` counts duplicates too, and may be more than `sent`
  bool times_from_replies =
      false;  // no totals of the times are printed: min, avg and max come from the replies, if all are there
  std::vector<Pattern> unreachable;  // no route, unreachable, source interface down: the line is down
  std::vector<Pattern> name_error;   // the target's name was not resolved
  std::vector<Pattern>
      refused;  // VRF or source unknown, not permitted, not understood (besides cli.rejections)
  bool operator==(const PingAnswer&) const = default;
};

struct PingProfile {
  std::optional<PingSyntax> ipv4, ipv6;  // their options are those that have a place in the command
  // What a session without rights may type (cli.enable); the device then sends as many probes as it always
  // does. None: such a session may type the same.
  std::optional<PingSyntax> unprivileged_ipv4, unprivileged_ipv6;
  // All options as written, by name, for profiles that extend this one.
  std::map<std::string, PingOption, std::less<>> options, options_ipv6;
  Duration probe_interval{
      0};  // between probes as the device paces them; 0 = the next goes when the reply came
  Duration probe_timeout{2000};  // what the device waits for a reply where the command cannot say it
  bool endless =
      false;  // never ends by itself: count and timeout are imposed by the agent with the interrupt
  PingAnswer answer;
  bool operator==(const PingProfile&) const = default;
};

struct Platform {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::string origin;  // "built in" or the file's path
  CliProfile cli;
  PingProfile ping;
  TracerouteProfile traceroute;
  bool operator==(const Platform&) const = default;
};

// All platforms by name; find() also knows aliases.
class Platforms {
 public:
  using Read = std::shared_ptr<const Platform> (*)(const std::string& name);  // never null

  void add(std::shared_ptr<const Platform> platform);  // replaces one of the same name
  // One that `read` gives when it is first wanted.
  void add_on_demand(const std::string& name, const std::vector<std::string>& aliases, Read read);
  // A profile that cannot be used is called so: what is wrong with it was said, that its name is unknown is
  // not to be said besides.
  void refuse(const std::string& name) { refused_.insert(name); }
  bool refused(const std::string& name) const { return refused_.contains(name); }
  // Takes those that are equal in `earlier` from there: what has not changed is the same object.
  void keep_equal(const Platforms& earlier);
  std::shared_ptr<const Platform> find(const std::string& name) const;  // null if unknown
  std::vector<std::string> names() const;                               // sorted, without aliases
  std::vector<std::string> names_and_aliases() const;

 private:
  struct Known {
    std::shared_ptr<const Platform> platform;
    Read read = nullptr;
  };
  void add(const std::string& name, const std::vector<std::string>& aliases, Known known);

  std::map<std::string, Known> by_name_;
  std::map<std::string, std::string> aliases_;
  std::set<std::string> refused_;
};

}  // namespace linewatch::config
