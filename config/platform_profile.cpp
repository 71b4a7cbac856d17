#include "config/platform_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace linewatch::config {

namespace {

// A command to type: one line, since each line end would be an Enter.
bool is_command(std::string_view text) {
  return !text.empty() && text.size() <= 400 &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

void read_commands(Reader& reader, std::string_view key, std::vector<std::string>& out) {
  std::vector<std::string> commands;
  if (!reader.texts(key, commands)) return;
  for (const std::string& command : commands) {
    if (!is_command(command))
      reader.error(key, "a command is one line of 1 to 400 octets without control characters");
  }
  out = std::move(commands);
}

void read_replies(Reader& reader, std::string_view key, std::vector<Reply>& out) {
  const YamlNode list = reader.list(key);
  if (!list) return;
  out.clear();
  int index = 0;
  for (const YamlNode item : list) {
    Reader entry(reader, key, index++, item);
    Reply reply;
    if (entry.required("seen", "a pattern of what the router asks")) read_pattern(entry, "seen", reply.seen);
    if (!entry.text("answer", reply.answer))
      entry.error("answer", "missing (what to send, \"\\n\" for Enter)");
    entry.finish();
    out.push_back(std::move(reply));
  }
}

void read_enable(Reader& cli, std::optional<Enable>& out) {
  const YamlNode node = cli.find("enable");
  if (!node) return;
  if (node.is_null()) return out.reset();
  Reader reader(cli, "enable", cli.submap("enable"));
  if (!reader.ok()) return;
  Enable enable = out.value_or(Enable{});
  reader.text("command", enable.command);
  read_pattern(reader, "question", enable.question);
  read_pattern(reader, "privileged", enable.privileged);
  reader.finish();
  if (!is_command(enable.command)) reader.error("command", "missing (what to type, as 'enable')");
  if (!enable.question) reader.error("question", "missing (a pattern of what it asks, as '[Pp]assword: ?$')");
  if (!enable.privileged)
    reader.error("privileged", "missing (a pattern of the prompt that proves it, as '# ?$')");
  out = std::move(enable);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

void read_cli(Reader& cli, CliProfile& profile) {
  read_pattern(cli, "prompt", profile.prompt);
  cli.text("line_end", profile.line_end);
  read_commands(cli, "setup", profile.setup);
  read_replies(cli, "pagers", profile.pagers);
  read_replies(cli, "questions", profile.questions);
  read_enable(cli, profile.enable);
  read_patterns(cli, "rejections", profile.rejections);
  read_patterns(cli, "session_limits", profile.session_limits);
  read_patterns(cli, "noise", profile.noise);
  cli.text("interrupt", profile.interrupt);
  read_commands(cli, "logout", profile.logout);
  cli.finish();
  if (!profile.prompt && !cli.written("prompt"))
    cli.error("prompt", "missing (a pattern of the prompt, as '^[\\w.-]+[>#] ?$')");
  if (profile.line_end.empty()) cli.error("line_end", "must not be empty");
}

void read_profile(Reader& profile, Platform& platform) {
  profile.find("extends");  // the loader has followed it
  if (profile.required("name", "the name that routers write under platform")) {
    profile.text("name", platform.name);
    if (!is_name(platform.name)) profile.error("name", "must be lower-case letters, digits, '_' and '-'");
  }
  profile.texts("aliases", platform.aliases);
  for (const std::string& alias : platform.aliases) {
    if (!is_name(alias)) profile.error("aliases", "must be lower-case letters, digits, '_' and '-'");
  }
  profile.text("description", platform.description);
  Reader cli(profile, "cli", profile.submap("cli"));
  read_cli(cli, platform.cli);
  Reader ping(profile, "ping", profile.submap("ping"));
  read_ping(ping, platform.ping);
  Reader traceroute(profile, "traceroute", profile.submap("traceroute"));
  read_traceroute(traceroute, platform.traceroute);
  profile.finish();
}

}  // namespace linewatch::config
