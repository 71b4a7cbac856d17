#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/platform_profile.hpp"

namespace linewatch::config {

namespace {

constexpr std::array<std::string_view, 9> option_names = {
    "count", "timeout", "size", "source", "source_interface", "vrf", "df", "dscp", "interval"};

void read_option(Reader& around, std::string_view name, YamlNode node, PingOption& option) {
  Reader reader(around, name, node);
  reader.text("text", option.text);
  reader.text_or_none("otherwise", option.otherwise);
  reader.word("unit", option.unit,
              {{"none", PingOption::Unit::none},
               {"seconds", PingOption::Unit::seconds},
               {"milliseconds", PingOption::Unit::milliseconds},
               {"traffic_class", PingOption::Unit::traffic_class}});
  reader.word("octets", option.octets,
              {{"ip_packet", PingOption::Octets::ip_packet},
               {"icmp", PingOption::Octets::icmp},
               {"payload", PingOption::Octets::payload}});
  reader.boolean("fraction", option.fraction);
  constexpr double most = 1e12;
  double limit = 0;
  if (reader.number("min", limit, 0, most)) option.min = limit;
  if (reader.number("max", limit, 0, most)) option.max = limit;
  read_pattern(reader, "accepts", option.accepts);
  reader.finish();
  if (option.text.empty()) reader.error("text", "missing (what to type, as ' repeat {value}')");
  if (option.min && option.max && *option.min > *option.max) reader.error("min", "is greater than max");
  const bool has_value = option.text.find("{value}") != std::string::npos;
  if (!has_value && name != "df" && !option.text.empty()) reader.error("text", "must hold {value}");
}

using Options = std::map<std::string, PingOption, std::less<>>;

void read_options(Reader& ping, std::string_view key, std::initializer_list<Options*> families) {
  const YamlNode map = ping.submap(key);
  if (!map) return;
  Reader reader(ping, key, map);
  for (const std::string_view name : option_names) {
    const YamlNode node = reader.find(name);
    if (!node) continue;
    if (node.is_null()) {  // takes away what the extended profile has
      for (Options* options : families) options->erase(std::string(name));
      continue;
    }
    const std::size_t known = reader.problems().size();
    for (Options* options : families) {
      if (reader.problems().size() == known) read_option(reader, name, node, (*options)[std::string(name)]);
    }
  }
  reader.finish();
}

bool is_place(std::string_view name) {
  return name == "target" || name == "source_address" ||
         std::ranges::find(option_names, name) != option_names.end();
}

// Every {place} of a command is one we know; false if that was reported.
bool check_places(const Reader& ping, std::string_view key, const std::string& command) {
  const auto wrong = [&](std::string text) {
    ping.error(key, std::move(text));
    return false;
  };
  std::size_t at = 0;
  while ((at = command.find('{', at)) != std::string::npos) {
    const std::size_t end = command.find('}', at);
    if (end == std::string::npos) return wrong("a '{' without its '}'");
    const std::string name = command.substr(at + 1, end - at - 1);
    if (!is_place(name))
      return wrong(fmt::format("no place {{{}}} is known{}", name, suggestion(name, option_names)));
    at = end;
  }
  const bool one_line =
      std::ranges::none_of(command, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return one_line || wrong("must be one line");
}

// The options that have a place in one of the commands.
PingSyntax syntax(std::vector<std::string> commands, const Options& options) {
  PingSyntax result;
  const auto pick = [&](std::string_view name, std::initializer_list<std::string_view> places) {
    const auto found = options.find(name);
    const bool has_place = std::ranges::any_of(places, [&](std::string_view place) {
      const std::string braced = fmt::format("{{{}}}", place);
      return std::ranges::any_of(commands,
                                 [&](const std::string& command) { return command.contains(braced); });
    });
    return found != options.end() && has_place ? std::optional<PingOption>(found->second) : std::nullopt;
  };
  result.count = pick("count", {"count"});
  result.timeout = pick("timeout", {"timeout"});
  result.size = pick("size", {"size"});
  result.source = pick("source", {"source", "source_address"});
  result.source_interface = pick("source_interface", {"source", "source_interface"});
  result.vrf = pick("vrf", {"vrf"});
  result.df = pick("df", {"df"});
  result.dscp = pick("dscp", {"dscp"});
  result.interval = pick("interval", {"interval"});
  result.command = std::move(commands.back());
  commands.pop_back();
  result.before = std::move(commands);
  return result;
}

// One command, or a list of which the last is the ping.
void read_family(Reader& ping, std::string_view key, const Options& options, std::optional<PingSyntax>& out) {
  std::vector<std::string> commands;
  if (out) {
    commands = out->before;
    commands.push_back(out->command);
  }
  const YamlNode node = ping.find(key);
  if (node && node.is_null()) commands.clear();
  if (ping.texts(key, commands)) {
    const bool good =
        std::ranges::all_of(commands, [&](const std::string& each) { return check_places(ping, key, each); });
    if (good && (commands.empty() || !commands.back().contains("{target}")))
      ping.error(key, "must hold {target}");
  }
  if (commands.empty()) {
    out.reset();
  } else {
    out = syntax(std::move(commands), options);
  }
}

void read_unprivileged(Reader& ping, PingProfile& profile) {
  const YamlNode node = ping.find("unprivileged");
  if (node && node.is_null()) {
    profile.unprivileged_ipv4.reset();
    profile.unprivileged_ipv6.reset();
    return;
  }
  Reader reader(ping, "unprivileged", ping.submap("unprivileged"));
  read_family(reader, "ipv4", profile.options, profile.unprivileged_ipv4);
  read_family(reader, "ipv6", profile.options_ipv6, profile.unprivileged_ipv6);
  reader.finish();
}

// A pattern, or a map of one and the counts that it stands for.
void read_totals(Reader& answer, std::vector<TotalsPattern>& out) {
  static constexpr std::array<std::string_view, 8> groups = {"sent", "received", "min",  "avg",
                                                             "max",  "stddev",   "unit", "rtt"};
  const YamlNode node = answer.find("totals");
  if (!node || node.is_null()) return;
  out.clear();
  if (!node.is_list()) {
    read_pattern(answer, "totals", out.emplace_back().pattern, groups);
    return;
  }
  int index = 0;
  for (const YamlNode item : node) {
    TotalsPattern& totals = out.emplace_back();
    if (item.is_map()) {
      Reader reader(answer, "totals", index, item);
      if (reader.required("pattern", "a pattern of the line")) {
        read_pattern(reader, "pattern", totals.pattern, groups);
      }
      int count = 0;
      if (reader.integer("sent", count, 0, 1)) totals.sent = count;
      if (reader.integer("received", count, 0, 1)) totals.received = count;
      reader.word("unit", totals.unit,
                  {{"us", std::string("us")}, {"ms", std::string("ms")}, {"s", std::string("s")}});
      reader.finish();
    } else {
      read_pattern(answer, "totals", index, item, totals.pattern, groups);
    }
    ++index;
  }
}

}  // namespace

void read_ping(Reader& ping, PingProfile& profile) {
  read_options(ping, "options", {&profile.options, &profile.options_ipv6});
  read_options(ping, "options_ipv6", {&profile.options_ipv6});
  read_family(ping, "ipv4", profile.options, profile.ipv4);
  read_family(ping, "ipv6", profile.options_ipv6, profile.ipv6);
  read_unprivileged(ping, profile);
  ping.duration("probe_interval", profile.probe_interval);
  ping.duration("probe_timeout", profile.probe_timeout);
  ping.boolean("endless", profile.endless);
  Reader answer(ping, "answer", ping.submap("answer"));
  read_answer(answer, profile.answer);
  ping.finish();
  if (!profile.ipv4 && !profile.ipv6) ping.error("ipv4", "missing (the command, as 'ping {target}{count}')");
  if (profile.answer.totals.empty())
    answer.error("totals", "missing (patterns with groups sent and received)");
  if (profile.endless && profile.answer.replies.empty()) {
    answer.error("replies", "missing: an endless ping is counted by its replies");
  }
  if (profile.endless && profile.probe_interval <= Duration(0)) {
    ping.error("probe_interval", "missing: an endless ping is ended by its time");
  }
}

void read_answer(Reader& answer, PingAnswer& profile) {
  static constexpr std::array<std::string_view, 3> probe = {"seq", "rtt", "unit"};
  static constexpr std::array<std::string_view, 2> imposed = {"seq", "rtt"};
  static constexpr std::array<std::string_view, 1> lost = {"seq"};
  static constexpr std::array<std::string_view, 1> marks = {"marks"};
  read_pattern(answer, "begin", profile.begin);
  read_totals(answer, profile.totals);
  if (const YamlNode list = answer.list("replies")) {
    profile.replies.clear();
    int index = 0;
    for (const YamlNode item : list) {
      Reader reader(answer, "replies", index++, item);
      ReplyPattern reply;
      if (reader.required("pattern", "a pattern with groups seq and rtt")) {
        read_pattern(reader, "pattern", reply.pattern, probe, imposed);
      }
      reader.integer("first", reply.first_sequence, 0, 1);
      reader.finish();
      profile.replies.push_back(std::move(reply));
    }
  }
  read_patterns(answer, "failures", profile.failures, lost);
  read_pattern(answer, "marks", profile.marks, marks, marks);
  answer.text_or_none("reply_marks", profile.reply_marks);
  answer.text_or_none("unreachable_marks", profile.unreachable_marks);
  answer.word("rtt_unit", profile.rtt_unit,
              {{"us", std::string("us")}, {"ms", std::string("ms")}, {"s", std::string("s")}});
  answer.boolean("duplicates_counted", profile.duplicates_counted);
  answer.boolean("times_from_replies", profile.times_from_replies);
  read_patterns(answer, "unreachable", profile.unreachable);
  read_patterns(answer, "name_error", profile.name_error);
  read_patterns(answer, "refused", profile.refused);
  answer.finish();
}

}  // namespace linewatch::config
