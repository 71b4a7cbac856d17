#pragma once
// Reads small files for the loader: bounded, never waiting for ever, with one clause that says why not.

#include <cstddef>
#include <expected>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace linewatch::config {

struct FileText {
  std::string text;
  unsigned mode = 0;  // permission bits
};

// Regular files, and pipes that begin to speak within ten seconds. The error is one clause: "no such file".
std::expected<FileText, std::string> read_file(const std::filesystem::path& path, std::size_t limit);

// What a configuration depends on, and so what a watcher has to look at: each path once, sorted, also those
// that do not exist or could not be read.
struct Sources {
  std::vector<std::filesystem::path> files;
  std::vector<std::filesystem::path> folders;  // whose listing matters, beside the files in them
  bool operator==(const Sources&) const = default;
};

// While it lives, its thread's read_file() writes down here what it was asked for: no reader can forget to.
// One at a time on a thread.
class SourceNotes {
 public:
  SourceNotes();
  SourceNotes(const SourceNotes&) = delete;
  SourceNotes& operator=(const SourceNotes&) = delete;
  ~SourceNotes();

  Sources sources() const;

 private:
  friend void note_file(const std::filesystem::path& path);
  friend void note_folder(const std::filesystem::path& path);
  std::set<std::filesystem::path> files_, folders_;
};
void note_file(const std::filesystem::path& path);    // one that matters without being read here
void note_folder(const std::filesystem::path& path);  // one whose listing matters

constexpr std::size_t largest_configuration = 256U << 20;
constexpr std::size_t largest_secret = 64U << 10;

// A relative path is relative to the file it is written in.
std::filesystem::path beside(const std::filesystem::path& file, const std::filesystem::path& path);

}  // namespace linewatch::config
