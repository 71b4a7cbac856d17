#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "config/address.hpp"
#include "config/file.hpp"
#include "config/loader.hpp"
#include "config/loading.hpp"
#include "config/platform_loader.hpp"

namespace linewatch::config {

namespace {

std::string own_host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] ? name : "localhost";
}

std::optional<Shard> parse_shard(std::string_view text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto [slash, bad_index] = std::from_chars(text.data(), end, shard.index);
  if (bad_index != std::errc() || slash == end || *slash != '/') return std::nullopt;
  const auto [rest, bad_of] = std::from_chars(slash + 1, end, shard.of);
  if (bad_of != std::errc() || rest != end) return std::nullopt;
  if (shard.index < 1 || shard.index > shard.of || shard.of > 1000) return std::nullopt;
  return shard;
}

void read_path(Reader& reader, std::string_view key, const Source& source, std::filesystem::path& path) {
  std::string text;
  if (reader.text(key, text)) {
    if (is_one_line(text, 4096)) {
      path = beside(source.path, text);
    } else {
      reader.error(key, "must be the path of a file");
    }
  }
}

void read_listen(Reader& agent, AgentSettings& settings) {
  if (const YamlNode node = agent.find("listen"); node && node.is_null()) settings.listen.reset();
  std::string text;
  if (!agent.text("listen", text)) return;
  if (auto place = parse_host_port(text, std::nullopt)) {
    settings.listen = ListenAddress{std::move(place->host), place->port};
  } else {
    agent.error("listen", fmt::format("{} is no address with a port (write 127.0.0.1:10055, or null for off)",
                                      in_quotes(text)));
  }
}

void load_log(Reader& root, LogSettings& settings) {
  Reader log(root, "log", root.find("log"));
  log.word("level", settings.level,
           {{"trace", LogLevel::trace},
            {"debug", LogLevel::debug},
            {"info", LogLevel::info},
            {"warn", LogLevel::warn},
            {"error", LogLevel::error}});
  log.word("format", settings.format, {{"text", LogFormat::text}, {"json", LogFormat::json}});
  log.finish();
}

}  // namespace

void load_agent(Source& main, Settings& settings) {
  load_log(main.root, settings.log);
  AgentSettings& out = settings.agent;
  Reader agent(main.root, "agent", main.root.find("agent"));
  if (!read_line_of_text(agent, "name", out.name, 128) && out.name.empty()) out.name = own_host_name();
  if (const auto why = why_no_zabbix_host(out.name)) agent.warning("name", *why);
  agent.integer("threads", out.threads, 1, 256);
  std::string shard;
  if (agent.text("shard", shard)) {
    if (const auto parsed = parse_shard(shard)) {
      out.shard = *parsed;
    } else {
      agent.error("shard",
                  fmt::format("{} is no part of a whole (write 1/2 for the first of two)", in_quotes(shard)));
    }
  }
  read_path(agent, "state_dir", main, out.state_dir);
  read_listen(agent, out);
  if (const YamlNode node = agent.find("control_socket"); node && node.is_null()) out.control_socket.clear();
  read_path(agent, "control_socket", main, out.control_socket);
  agent.duration("stop_timeout", out.stop_timeout, 0s, 10min);
  agent.finish();
}

void load_host_keys(Source& main, HostKeySettings& settings) {
  Reader keys(main.root, "host_keys", main.root.find("host_keys"));
  using Policy = HostKeySettings::Policy;
  keys.word("policy", settings.policy,
            {{"strict", Policy::strict}, {"accept_new", Policy::accept_new}, {"off", Policy::off}});
  settings.known_hosts_file = beside(main.path, "known_hosts");
  read_path(keys, "known_hosts_file", main, settings.known_hosts_file);
  note_file(settings.known_hosts_file);
  std::error_code error;
  if (keys.written("known_hosts_file") && !std::filesystem::exists(settings.known_hosts_file, error)) {
    keys.warning("known_hosts_file", fmt::format("there is no file {}; only learned host keys will be known",
                                                 settings.known_hosts_file.string()));
  }
  keys.finish();
}

void load_platforms(Source& main, Settings& settings, Profiles& profiles) {
  std::filesystem::path directory = beside(main.path, "platforms");
  read_path(main.root, "platforms_dir", main, directory);
  note_folder(directory);
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) {
    settings.platforms = profiles.read(directory, main.root.problems());
    return;
  }
  settings.platforms = builtin_platforms();
  if (main.root.written("platforms_dir"))
    main.root.error("platforms_dir", fmt::format("there is no directory {}", directory.string()));
}

}  // namespace linewatch::config
