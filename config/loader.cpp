#include "config/loader.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <expected>
#include <set>
#include <system_error>

#include "config/file.hpp"
#include "config/kept.hpp"
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
  KeptFile& kept = loading.kept.files[path.string()];
  kept.used = true;
  kept.take(path, std::move(file->text));
  loading.problems.insert(loading.problems.end(), kept.problems().begin(), kept.problems().end());
  Source& source = loading.sources.emplace_back(path, file->mode, kept, loading.problems);
  if (!source.document.readable()) loading.complete = false;
}

constexpr std::size_t longest_pattern = 1024;  // the C library's glob() goes down by the part

thread_local int glob_error = 0;  // glob's callback carries no argument of ours

std::expected<std::vector<std::string>, std::string> matches(const std::string& text) {
  if (text.size() > longest_pattern || std::ranges::count(text, '/') > 64)
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

constexpr std::string_view pattern_signs = "*?[\\";

// The folder that a pattern begins in is no pattern, whatever its name holds.
std::string in_folder(const std::filesystem::path& start, const std::string& pattern) {
  std::string folder;
  for (const char c : start.string()) {
    if (pattern_signs.contains(c)) folder += '\\';
    folder += c;
  }
  const bool alone = folder.empty() || pattern.starts_with('/');
  return alone ? pattern : folder + "/" + pattern;
}

// The folders in which something may appear that the pattern then matches, and the file that it names if it
// is none.
void note_pattern(const std::filesystem::path& start, const std::filesystem::path& pattern) {
  std::vector<std::filesystem::path> bases{start};
  for (auto part = pattern.begin(); part != pattern.end(); ++part) {
    const bool last = std::next(part) == pattern.end();
    const bool wild = part->native().find_first_of(pattern_signs) != std::string::npos;
    std::vector<std::filesystem::path> below;
    for (const std::filesystem::path& base : bases) {
      if (!wild) {
        below.push_back(base / *part);
        if (last) note_file(below.back());
        continue;
      }
      note_folder(base.empty() ? "." : base);
      if (last) continue;
      const auto found = matches(in_folder(base, part->string()));
      std::error_code error;
      for (const std::string& one : found.value_or(std::vector<std::string>())) {
        if (std::filesystem::is_directory(one, error)) below.emplace_back(one);
      }
    }
    bases = std::move(below);
  }
}

void open_drop_ins(Loading& loading) {
  Source& main = loading.sources.front();
  std::vector<std::string> patterns;
  main.root.texts("include", patterns);
  std::set<std::string> opened;
  for (const std::string& pattern : patterns) {
    const auto files = matches(in_folder(main.path.parent_path(), pattern));
    if (pattern.size() <= longest_pattern) note_pattern(main.path.parent_path(), pattern);
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
  load_platforms(main, settings, loading.kept.profiles);
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

Loaded load_with(Kept& kept) {
  const SourceNotes notes;
  Loaded out;
  Loading loading{.settings = out.settings, .problems = out.problems, .kept = kept};
  for (auto& [path, file] : kept.files) file.used = false;
  open_source(loading, kept.main_file);
  if (loading.complete) {
    open_drop_ins(loading);
    load_sections(loading);
    finish(loading);
    warn_of_keys_without_effect(loading);
    note_origins(loading);
  }
  // The main file's problems come first, then the drop-ins' in the order of their names.
  std::vector<std::string> files;
  for (const Source& source : loading.sources) files.push_back(source.document.file());
  sort_by_place(out.problems, files);
  out.sources = notes.sources();
  std::erase_if(kept.files, [](const auto& entry) { return !entry.second.used; });
  return out;
}

}  // namespace

Loader::Loader(std::filesystem::path main_file) : kept_(std::make_unique<Kept>()) {
  kept_->main_file = std::move(main_file);
}
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;
Loader::~Loader() = default;

Loaded Loader::load() {
  return load_with(*kept_);
}

Loaded load(const std::filesystem::path& file) {
  Kept kept;
  kept.main_file = file;
  kept.lines = false;
  return load_with(kept);
}

bool Loaded::ok() const {
  return !has_error(problems);
}

}  // namespace linewatch::config
