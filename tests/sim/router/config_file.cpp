#include "tests/sim/router/config_file.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace linewatch::sim {
namespace {

struct Wrong : std::runtime_error {
  Wrong(const YAML::Mark& mark, const std::string& what)
      : std::runtime_error(fmt::format("line {}: {}", mark.line + 1, what)) {}
};

// A mapping whose every key has to be asked for.
class Section {
 public:
  Section(const YAML::Node& node, std::string what) : node_(node), what_(std::move(what)) {
    if (!node.IsMap()) throw Wrong(node.Mark(), what_ + " is not a mapping");
  }

  YAML::Node find(const std::string& key) {
    known_.insert(key);
    return node_[key];
  }
  template <class T>
  void get(const std::string& key, T& value) {
    const YAML::Node node = find(key);
    if (!node) return;
    try {
      value = node.as<T>();
    } catch (const YAML::Exception&) {
      throw Wrong(node.Mark(), fmt::format("{} of {} has a value of the wrong kind", key, what_));
    }
  }
  void time(const std::string& key, Micros& value) {
    const YAML::Node node = find(key);
    if (node) value = checked(node, parse_micros(node.as<std::string>("")));
  }
  template <class T>
  T checked(const YAML::Node& node, std::expected<T, std::string> value) {
    if (!value) throw Wrong(node.Mark(), value.error());
    return std::move(*value);
  }
  template <class T>
  void choose(const std::string& key, T& value, const std::vector<std::pair<std::string, T>>& choices) {
    const YAML::Node node = find(key);
    if (!node) return;
    std::string names;
    for (const auto& [name, choice] : choices) {
      if (node.as<std::string>("") == name) {
        value = choice;
        return;
      }
      names += (names.empty() ? "" : ", ") + name;
    }
    throw Wrong(node.Mark(), fmt::format("{} of {} is one of {}", key, what_, names));
  }
  void no_more() const {
    for (const auto& entry : node_) {
      const auto key = entry.first.as<std::string>("");
      if (!known_.contains(key)) throw Wrong(entry.first.Mark(), fmt::format("{} has no {}", what_, key));
    }
  }

 private:
  YAML::Node node_;
  std::string what_;
  std::set<std::string> known_;
};

Target read_target(const YAML::Node& node, const std::string& name) {
  Target target;
  Section section(node, "target " + name);
  section.get("address", target.address);
  section.time("delay", target.delay);
  section.time("jitter", target.jitter);
  if (const auto loss = section.find("loss"))
    target.loss = section.checked(loss, parse_share(loss.as<std::string>("")));
  section.get("pattern", target.pattern);
  section.get("unreachable", target.unreachable);
  section.get("no_route", target.no_route);
  section.get("mtu", target.mtu);
  section.no_more();
  return target;
}

void read_faults(const YAML::Node& node, Faults& faults) {
  Section section(node, "faults");
  section.choose<Faults::Silent>("silent", faults.silent,
                                 {{"never", Faults::Silent::never},
                                  {"tcp", Faults::Silent::tcp},
                                  {"auth", Faults::Silent::auth},
                                  {"prompt", Faults::Silent::prompt},
                                  {"command", Faults::Silent::command}});
  section.choose<Faults::Close>(
      "close_in", faults.close_in,
      {{"never", Faults::Close::never}, {"auth", Faults::Close::auth}, {"command", Faults::Close::command}});
  section.get("close_after", faults.close_after);
  section.get("endless", faults.endless);
  section.get("flood", faults.flood);
  section.get("garbage", faults.garbage);
  section.get("question", faults.question);
  section.get("deaf", faults.deaf);
  section.get("late", faults.late);
  section.get("commands", faults.commands);
  section.get("sessions", faults.sessions);
  section.no_more();
}

void read_quirks(const YAML::Node& node, Quirks& quirks) {
  Section section(node, "quirks");
  section.choose<Quirks::Echo>("echo", quirks.echo,
                               {{"plain", Quirks::Echo::plain},
                                {"carriage_return", Quirks::Echo::carriage_return},
                                {"backspaces", Quirks::Echo::backspaces},
                                {"cursor", Quirks::Echo::cursor},
                                {"title", Quirks::Echo::title}});
  section.get("columns", quirks.columns);
  section.get("shown_name", quirks.shown_name);
  section.get("new_name", quirks.new_name);
  section.get("prompt_lead", quirks.prompt_lead);
  section.get("output_lead", quirks.output_lead);
  section.get("behind_prompt", quirks.behind_prompt);
  section.get("login_question", quirks.login_question);
  section.get("line_end", quirks.line_end);
  section.time("motd_pause", quirks.motd_pause);
  section.get("pages_always", quirks.pages_always);
  section.get("echoes_hidden", quirks.echoes_hidden);
  section.no_more();
}

void read_authorized_keys(Section& section, const std::filesystem::path& folder, RouterConfig& router) {
  const YAML::Node node = section.find("authorized_keys");
  if (!node) return;
  if (node.IsSequence()) {
    router.authorized_keys = node.as<std::vector<std::string>>();
  } else {
    router.authorized_keys = section.checked(node, read_lines(folder / node.as<std::string>("")));
  }
}

void read_list(Section& section, const std::string& key, std::optional<std::vector<std::string>>& list) {
  std::vector<std::string> values;
  if (!section.find(key)) return;
  section.get(key, values);
  list = values;
}

void read_access(Section& section, const std::filesystem::path& folder, RouterConfig& router) {
  section.get("address", router.address);
  section.get("port", router.port);
  section.get("host_key", router.host_key_file);
  if (!router.host_key_file.empty()) router.host_key_file = (folder / router.host_key_file).string();
  section.get("host_key_type", router.host_key_type);
  section.get("legacy_ssh", router.legacy_ssh);
  section.get("user", router.user);
  section.get("password", router.password);
  section.get("enable_password", router.enable_password);
  read_authorized_keys(section, folder, router);
  section.get("keyboard_interactive", router.keyboard_interactive);
  section.get("auth_tries", router.auth_tries);
  section.get("max_sessions", router.max_sessions);
  section.choose<OverLimit>("over_limit", router.over_limit,
                            {{"text", OverLimit::text}, {"disconnect", OverLimit::disconnect}});
  section.choose<ExecMode>(
      "exec", router.exec,
      {{"run", ExecMode::run}, {"refuse", ExecMode::refuse}, {"ignore", ExecMode::ignore}});
}

// Keys that are there replace what `router` has.
int read_router(const YAML::Node& node, const std::filesystem::path& folder, RouterConfig& router) {
  Section section(node, "router");
  section.get("name", router.name);
  if (const auto platform = section.find("platform")) {
    const auto kind = platform_kind(platform.as<std::string>(""));
    if (!kind) throw Wrong(platform.Mark(), "platform is one of " + platform_names());
    router.platform = *kind;
  }
  read_access(section, folder, router);
  section.get("banner", router.banner);
  section.get("motd", router.motd);
  section.time("login_delay", router.login_delay);
  section.time("auth_delay", router.auth_delay);
  section.time("command_delay", router.command_delay);
  section.get("page_length", router.page_length);
  section.get("chunk", router.chunk);
  section.time("chunk_delay", router.chunk_delay);
  section.get("log_line", router.log_line);
  section.get("seed", router.seed);
  read_list(section, "vrfs", router.vrfs);
  read_list(section, "sources", router.sources);
  if (const auto targets = section.find("targets")) {
    if (!targets.IsMap()) throw Wrong(targets.Mark(), "targets is not a mapping");
    for (const auto& entry : targets) {
      const auto name = entry.first.as<std::string>();
      router.targets[name] = read_target(entry.second, name);
    }
  }
  if (const auto quirks = section.find("quirks")) read_quirks(quirks, router.quirks);
  if (const auto faults = section.find("faults")) read_faults(faults, router.faults);
  int count = 1;
  section.get("count", count);
  section.no_more();
  return count;
}

// With a count, {n} in the name is the number, and a given port counts up.
void add_routers(SimulatorConfig& config, const RouterConfig& router, int count) {
  for (int n = 1; n <= count; ++n) {
    RouterConfig one = router;
    if (const auto at = one.name.find("{n}"); at != std::string::npos)
      one.name.replace(at, 3, std::to_string(n));
    if (one.port != 0) one.port = static_cast<std::uint16_t>(one.port + n - 1);
    config.routers.push_back(std::move(one));
  }
}

}  // namespace

std::expected<SimulatorConfig, std::string> parse_config(const std::string& yaml,
                                                         const std::filesystem::path& folder) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    Section section(root, "the file");
    RouterConfig defaults;
    if (const auto node = section.find("defaults")) read_router(node, folder, defaults);
    SimulatorConfig config;
    const auto routers = section.find("routers");
    if (!routers || !routers.IsSequence()) return std::unexpected("routers: a list of routers is missing");
    for (const auto& node : routers) {
      RouterConfig router = defaults;
      const int count = read_router(node, folder, router);
      add_routers(config, router, count);
    }
    section.no_more();
    return config;
  } catch (const YAML::Exception& e) {
    return std::unexpected(fmt::format("line {}: {}", e.mark.line + 1, e.msg));
  } catch (const Wrong& e) {
    return std::unexpected(e.what());
  }
}

std::expected<SimulatorConfig, std::string> load_config(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) return std::unexpected("cannot read " + file.string());
  std::ostringstream text;
  text << in.rdbuf();
  auto config = parse_config(text.str(), file.parent_path());
  if (!config) return std::unexpected(file.string() + ": " + config.error());
  return config;
}

}  // namespace linewatch::sim
