#pragma once
// Reads small files for the loader: bounded, never waiting for ever, with one clause that says why not.

#include <cstddef>
#include <expected>
#include <filesystem>
#include <string>

namespace linewatch::config {

struct FileText {
  std::string text;
  unsigned mode = 0;  // permission bits
};

// Regular files, and pipes that begin to speak within ten seconds. The error is one clause: "no such file".
std::expected<FileText, std::string> read_file(const std::filesystem::path& path, std::size_t limit);

constexpr std::size_t largest_configuration = 256U << 20;
constexpr std::size_t largest_secret = 64U << 10;

// A relative path is relative to the file it is written in.
std::filesystem::path beside(const std::filesystem::path& file, const std::filesystem::path& path);

}  // namespace linewatch::config
