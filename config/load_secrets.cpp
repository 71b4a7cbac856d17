#include <fmt/format.h>
#include <string.h>

#include <cstdlib>

#include "config/file.hpp"
#include "config/loading.hpp"

namespace linewatch::config {

namespace {

// One line, as a shell or an editor left it in a file.
std::optional<Secret> checked(Reader& reader, std::string_view key, std::string& text,
                              std::string_view where) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  std::optional<Secret> secret;
  if (text.empty()) {
    reader.error(key, fmt::format("{} is empty", where));
  } else if (text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos) {
    reader.error(key, fmt::format("{} must hold one line of text", where));
  } else {
    secret.emplace(text);
  }
  explicit_bzero(text.data(), text.size());
  return secret;
}

std::optional<Secret> from_literal(Reader& reader, std::string_view key, const Source& source) {
  std::string text;
  if (!reader.text(key, text)) return std::nullopt;
  if (source.mode & readable_by_others) {
    reader.warning(key,
                   fmt::format("a secret in a file that others may read (chmod 600 {0}, or write {1}_file)",
                               source.path.string(), key));
  }
  return checked(reader, key, text, "the secret");
}

// What does not look like a variable's name may be the secret itself, written in the wrong place.
std::string shown_variable(const std::string& name) {
  const bool plain = name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
  return plain ? "the environment variable " + name : "that environment variable";
}

std::optional<Secret> from_environment(Reader& reader, std::string_view key) {
  std::string name;
  if (!read_line_of_text(reader, key, name, 256)) return std::nullopt;
  const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): only while loading
  if (!value) {
    reader.error(key, shown_variable(name) + " is not set");
    return std::nullopt;
  }
  std::string text = value;
  return checked(reader, key, text, shown_variable(name));
}

// systemd's LoadCredential= puts files into a directory that only the service may read.
std::optional<Secret> from_service_manager(Reader& reader, std::string_view key) {
  std::string name;
  if (!read_line_of_text(reader, key, name, 255)) return std::nullopt;
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  if (!directory || !*directory) {
    reader.error(
        key, "CREDENTIALS_DIRECTORY is not set (only a systemd unit with LoadCredential= has credentials)");
    return std::nullopt;
  }
  if (name.find('/') != std::string::npos || name == "." || name == "..") {
    reader.error(key, fmt::format("{} is no credential's name (no / in it)", in_quotes(name)));
    return std::nullopt;
  }
  return read_secret_file(reader, key, std::filesystem::path(directory) / name);
}

}  // namespace

std::optional<Secret> read_secret_file(Reader& reader, std::string_view key,
                                       const std::filesystem::path& path) {
  auto file = read_file(path, largest_secret);
  if (!file) {
    reader.error(key, fmt::format("cannot read {}: {}", path.string(), file.error()));
    return std::nullopt;
  }
  if (file->mode & readable_by_others) {
    reader.warning(key, fmt::format("{0} is readable by others (chmod 600 {0})", path.string()));
  }
  return checked(reader, key, file->text, path.string());
}

void read_secret(Reader& reader, std::string_view key, const Source& source, std::optional<Secret>& secret) {
  const std::string file = fmt::format("{}_file", key), environment = fmt::format("{}_env", key),
                    credential = fmt::format("{}_credential", key);
  std::string_view first;
  for (const std::string_view way :
       {key, std::string_view(file), std::string_view(environment), std::string_view(credential)}) {
    if (!reader.written(way)) continue;
    if (!first.empty()) {
      reader.error(way, fmt::format("only one of {} and {} may be written", first, way));
      continue;
    }
    first = way;
    if (way == key) secret = from_literal(reader, way, source);
    if (way == environment) secret = from_environment(reader, way);
    if (way == credential) secret = from_service_manager(reader, way);
    std::string path;
    if (way == file && read_line_of_text(reader, way, path, 4096)) {
      secret = read_secret_file(reader, way, beside(source.path, path));
    }
  }
}

}  // namespace linewatch::config
