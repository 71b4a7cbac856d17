#pragma once
// A folder for one measurement, gone in the end.

#include <unistd.h>

#include <filesystem>
#include <string>

namespace linewatch::bench {

class Folder {
 public:
  Folder() { std::filesystem::create_directory(path_); }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("linewatch-bench-" + std::to_string(::getpid()));
};

}  // namespace linewatch::bench
