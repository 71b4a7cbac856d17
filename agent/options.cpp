#include "agent/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "agent/suggest.hpp"
#include "agent/version.hpp"

namespace linewatch::agent {

namespace {

void add_hostkey(CLI::App& app, Options& options, CLI::App*& scan, CLI::App*& accept, CLI::App*& forget) {
  CLI::App* hostkey = app.add_subcommand("hostkey", "learn, show and replace routers' host keys");
  hostkey->fallthrough();
  hostkey->require_subcommand(1);
  scan = hostkey->add_subcommand("scan", "show the key each router offers, and whether it is known");
  accept = hostkey->add_subcommand(
      "accept", "learn the key each router offers now, in place of what was learned before");
  forget = hostkey->add_subcommand("forget", "remove what was learned");
  for (CLI::App* each : {scan, accept, forget}) {
    each->fallthrough();
    each->add_option("ROUTER", options.names, "routers by name");
    each->add_flag("--all", options.all, "every enabled router");
  }
}

CLI::App* add_status(CLI::App& app, Options& options) {
  CLI::App* status =
      app.add_subcommand("status", "what the running agent does: routers, sessions, lines, delivery");
  status->add_flag("--json", options.json, "one JSON object");
  status->add_option("--router", options.router, "this router in detail: its sessions and lines");
  status->add_flag("--watch", options.watch, "again every 2 seconds, until interrupted");
  return status;
}

CLI::App* add_discover(CLI::App& app, Options& options) {
  CLI::App* discover =
      app.add_subcommand("discover", "the lines that the Zabbix API gives, and why a host is left out");
  discover->add_flag("--json", options.json, "one JSON object");
  discover->add_flag("--accept", options.accept,
                     "take this plan, though it loses more lines than max_removal allows");
  return discover;
}

CLI::App* add_template(CLI::App& app, Options& options) {
  CLI::App* command = app.add_subcommand("template", "print the Zabbix templates, to be imported there");
  command->add_option("--for", options.zabbix_version, "Zabbix version: 6.0 or 7.0")
      ->check(CLI::IsMember({"6.0", "7.0"}))
      ->capture_default_str();
  return command;
}

// pause or resume.
CLI::App* add_pause(CLI::App& app, const char* command, const char* text, Options& options) {
  CLI::App* pause = app.add_subcommand(command, text);
  pause->add_option("NAME", options.name, "a router (all its lines) or a line")->required();
  const auto of_kind = [&](const char* flag, const char* kind, const char* about) {
    pause->add_flag_callback(flag, [&options, kind] { options.kind = kind; }, about);
  };
  of_kind("--router", "router", "NAME is a router");
  of_kind("--line", "line", "NAME is a line");
  return pause;
}

// An empty text is no length at all; what is wrong goes to standard error.
bool read_length(const std::string& text, Options& options) {
  if (text.empty()) return true;
  const auto length = config::parse_duration(text);
  if (length && *length >= std::chrono::seconds(1)) {
    options.length = *length;
    return true;
  }
  const std::string why = length ? "it must be 1s at least" : length.error();
  std::fprintf(stderr, "linewatch: '%s' is no duration to pause for: %s\n", text.c_str(), why.c_str());
  return false;
}

// The first word that is neither an option nor an option's value: what was meant as the command.
std::string first_word(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "-c" || word == "--config") {
      ++i;
    } else if (!word.starts_with("-")) {
      return word;
    }
  }
  return {};
}

// One line on standard error that says what is wrong and the way out.
int report(const CLI::ParseError& error, const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  const std::string word = first_word(argc, argv);
  if (word.empty()) {
    std::fprintf(stderr, "linewatch: no command given (see linewatch --help)\n");
  } else if (std::ranges::find(commands, word) == commands.end()) {
    std::fprintf(stderr, "linewatch: unknown command '%s'%s\n", word.c_str(),
                 did_you_mean(word, commands).c_str());
  } else {
    std::fprintf(stderr, "linewatch: %s (see linewatch %s --help)\n", error.what(), word.c_str());
  }
  return exit_bad_configuration;
}

}  // namespace

ParsedOptions parse_options(int argc, const char* const* argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;

  CLI::App app{"Linewatch measures leased lines from the routers they end on and reports to Zabbix.",
               "linewatch"};
  app.set_version_flag("--version", "linewatch " LINEWATCH_VERSION);
  app.add_option("-c,--config", options.config_file, "configuration file")->capture_default_str();
  app.require_subcommand(1);
  app.get_formatter()->column_width(28);

  CLI::App* run =
      app.add_subcommand("run", "the agent, in the foreground; SIGTERM stops it in order, SIGHUP reloads");
  CLI::App* check = app.add_subcommand("check", "load everything a run would and print all problems");
  check->add_flag("--diff", options.diff, "and say what a reload would change in the running agent");
  CLI::App* ping = app.add_subcommand("ping", "measure lines now, once, and print the figures");
  ping->add_option("LINE", options.names, "lines by id");
  ping->add_flag("--all", options.all, "every enabled line");
  ping->add_flag("--json", options.json, "one JSON object per line");
  ping->add_flag("--trace", options.trace, "show every byte to and from the router, secrets masked");
  ping->add_flag("--alone", options.alone, "log in itself, not through the running agent's sessions");
  CLI::App* parse =
      app.add_subcommand("parse", "read a transcript of a platform's ping and print its figures");
  parse->add_option("PLATFORM", options.platform, "platform or alias")->required();
  parse->add_option("FILE", options.transcript_file, "transcript; standard input if absent or -");
  CLI::App* status = add_status(app, options);
  CLI::App* pause =
      add_pause(app, "pause", "stop measuring a router's lines, or one line, for a while", options);
  std::string length;
  pause->add_option("DURATION", length, "such as 30m or 2h; without, until resumed");
  CLI::App* resume = add_pause(app, "resume", "measure again what was paused", options);
  CLI::App* reload = app.add_subcommand(
      "reload", "have the running agent read its configuration again, and say what changed");
  CLI::App* platforms = app.add_subcommand("platforms", "the platforms known, or one profile");
  platforms->add_option("NAME", options.platform, "one platform");
  platforms->add_flag("--commands", options.list_commands, "every command a profile may type");
  CLI::App* discover = add_discover(app, options);
  CLI::App* zabbix_template = add_template(app, options);
  CLI::App *scan = nullptr, *accept = nullptr, *forget = nullptr;
  add_hostkey(app, options, scan, accept, forget);
  for (CLI::App* each :
       {run, check, ping, parse, status, pause, resume, reload, platforms, discover, zabbix_template})
    each->fallthrough();

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    std::fputs(chosen.empty() ? app.help().c_str() : chosen.front()->help().c_str(), stdout);
    return {options, true, exit_ok};
  } catch (const CLI::CallForVersion&) {
    std::puts("linewatch " LINEWATCH_VERSION);
    return {options, true, exit_ok};
  } catch (const CLI::ParseError& error) {
    return {options, true, report(error, app, argc, argv)};
  }

  options.config_given = app.count("--config") > 0;
  if (run->parsed()) options.command = CommandName::run;
  if (check->parsed()) options.command = CommandName::check;
  if (ping->parsed()) options.command = CommandName::ping;
  if (parse->parsed()) options.command = CommandName::parse;
  if (status->parsed()) options.command = CommandName::status;
  if (pause->parsed()) options.command = CommandName::pause;
  if (resume->parsed()) options.command = CommandName::resume;
  if (reload->parsed()) options.command = CommandName::reload;
  if (platforms->parsed()) options.command = CommandName::platforms;
  if (discover->parsed()) options.command = CommandName::discover;
  if (zabbix_template->parsed()) options.command = CommandName::zabbix_template;
  if (scan->parsed()) options.command = CommandName::hostkey_scan;
  if (accept->parsed()) options.command = CommandName::hostkey_accept;
  if (forget->parsed()) options.command = CommandName::hostkey_forget;

  if (!read_length(length, options)) return {options, true, exit_bad_configuration};
  const bool wants_names = ping->parsed() || scan->parsed() || accept->parsed() || forget->parsed();
  if (wants_names && options.names.empty() == !options.all) {
    const char* const kind = ping->parsed() ? "line" : "router";
    if (options.all) std::fprintf(stderr, "linewatch: name %ss or say --all, not both\n", kind);
    if (!options.all) std::fprintf(stderr, "linewatch: name at least one %s, or say --all\n", kind);
    return {options, true, exit_bad_configuration};
  }
  return parsed;
}

}  // namespace linewatch::agent
