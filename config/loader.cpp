#include "config/loader.hpp"

#include <fmt/format.h>
#include <glob.h>
#include <string.h>

#include <algorithm>
#include <cerrno>
#include <expected>
#include <set>
#include <system_error>

#include "config/file.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

constexpr std::string_view drop_in_sections[] = {"credentials", "routers", "lines"};
constexpr std::string_view main_sections[] = {"agent", "log",        "include",   "platforms_dir", "zabbix",
                                              "tasks", "connection", "host_keys", "defaults"};

// Adds the file to the sources; a file that can't be read is one problem.
void open_source(Loading& loading, const std::filesystem::path& path) {
  auto file = read_file(path, largest_configuration);
  if (!file) {
    loading.complete = false;
    loading.problems.push_back(
        {.file = path.string(), .text = fmt::format("cannot be read: {}", file.error())});
    return;
  }
  Source& source = loading.sources.emplace_back(path, file->text, file->mode, loading.problems);
  explicit_bzero(file->text.data(), file->text.size());
  if (!source.document.readable()) loading.complete = false;
}

thread_local int glob_error = 0;  // glob's callback carries no argument of ours

std::expected<std::vector<std::string>, std::string> matches(const std::string& text) {
  if (text.size() > 1024 || std::ranges::count(text, '/') > 64)
    return std::unexpected("the pattern is too long");
  glob_t found{};
  std::vector<std::string> out;
  glob_error = 0;
  const auto failed = [](const char*, int error) {
    glob_error = error == ENOENT || error == ENOTDIR ? 0 : error;  // a folder that is not there holds nothing
    return glob_error;
  };
  if (::glob(text.c_str(), 0, failed, &found) == 0) {
    out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  ::globfree(&found);
  if (glob_error) return std::unexpected(std::generic_category().message(glob_error));
  std::ranges::sort(out);  // not by the locale, as glob does
  return out;
}

// The folder of the main file is no pattern, whatever its name holds.
std::string as_pattern(const std::filesystem::path& main, const std::string& pattern) {
  const std::string parent = main.parent_path().string();
  std::string folder;
  for (const char c : parent) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) folder += '\\';
    folder += c;
  }
  const bool alone = folder.empty() || pattern.starts_with('/');
  return alone ? pattern : folder + "/" + pattern;
}

void open_drop_ins(Loading& loading) {
  Source& main = loading.sources.front();
  std::vector<std::string> patterns;
  main.root.texts("include", patterns);
  std::set<std::string> opened;
  for (const std::string& pattern : patterns) {
    const auto files = matches(as_pattern(main.path, pattern));
    if (!files) {
      loading.complete = false;
      main.root.error("include", fmt::format("{}: {}", in_quotes(pattern), files.error()));
      continue;
    }
    const bool literal = pattern.find_first_of("*?[") == std::string::npos;
    if (files->empty() && literal)
      main.root.error("include", fmt::format("there is no file {}", in_quotes(pattern)));
    for (const std::string& file : *files) {
      std::error_code error;
      if (std::filesystem::equivalent(file, main.path, error)) continue;  // *.yml beside the main file
      if (opened.insert(file).second) open_source(loading, file);
    }
  }
}

void load_sections(Loading& loading) {
  Source& main = loading.sources.front();
  Settings& settings = loading.settings;
  load_agent(main, settings);
  load_zabbix(main, settings.zabbix);
  read_connection(main.root, settings.connection, true);
  load_host_keys(main, settings.host_keys);
  load_platforms(main, settings);
  load_tasks(main, loading);
  for (Source& source : loading.sources) load_credentials(source, loading);
  load_routers(loading);
  load_lines(loading);
  check_task_items(loading);
}

// So that what comes later can say with what it clashes.
void note_origins(Loading& loading) {
  Origins& origins = loading.settings.origins;
  std::unordered_map<const Source*, std::uint32_t> number;
  const auto note = [&](const std::vector<Place>& places, std::vector<Origins::Place>& out) {
    out.reserve(places.size());
    for (const Place& place : places)
      out.push_back({number.at(place.source), place.node.line(), place.node.column()});
  };
  for (const Source& source : loading.sources) {
    number.emplace(&source, static_cast<std::uint32_t>(origins.files.size()));
    origins.files.push_back(source.document.file());
  }
  note(loading.router_places, origins.routers);
  note(loading.line_places, origins.lines);
}

void finish(Loading& loading) {
  const Source& main = loading.sources.front();
  for (Source& source : loading.sources) {
    if (&source == &main) {
      for (const std::string_view section : drop_in_sections) source.root.find(section);
    } else {
      const std::string text =
          fmt::format("can't stand in an included file (write it in {}; credentials, routers and lines may)",
                      main.document.file());
      for (const std::string_view section : main_sections) source.root.misplaced(section, text);
    }
    source.root.finish();
  }
  const Settings& settings = loading.settings;
  const bool tasks =
      std::ranges::any_of(settings.routers, [](const Router& router) { return !router.tasks.empty(); });
  if (settings.lines.empty() && !tasks && !settings.zabbix.api && !has_error(loading.problems)) {
    loading.problems.push_back({.file = main.document.file(),
                                .severity = Problem::Severity::warning,
                                .path = "lines",
                                .text = "there is no line to measure"});
  }
}

}  // namespace

Loaded load(const std::filesystem::path& file) {
  Loaded out;
  Loading loading{.settings = out.settings, .problems = out.problems};
  open_source(loading, file);
  if (loading.complete) {
    open_drop_ins(loading);
    load_sections(loading);
    finish(loading);
    warn_of_keys_without_effect(loading);
    note_origins(loading);
    out.settings.index();
  }
  // The main file's problems come first, then the drop-ins' in the order of their names.
  std::vector<std::string> files;
  for (const Source& source : loading.sources) files.push_back(source.document.file());
  sort_by_place(out.problems, files);
  return out;
}

bool Loaded::ok() const {
  return !has_error(problems);
}

}  // namespace linewatch::config
