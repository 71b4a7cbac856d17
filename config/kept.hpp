#pragma once
// What a Loader keeps from one load to the next: the tree of each file, as long as its text is the same, and
// each line that was read without a problem, as long as what it was read from is the same. Internal to
// config.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/document.hpp"
#include "config/platform_loader.hpp"
#include "config/settings.hpp"

namespace linewatch::config {

struct Loading;

// A file by its text: neither its time nor its size proves that it is the same.
class KeptFile {
 public:
  KeptFile() = default;
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;
  ~KeptFile();

  void take(const std::filesystem::path& path, std::string text);  // parses it if it is another text

  const Document& document() const { return *document_; }
  const Problems& problems() const { return problems_; }  // of parsing

  // The lines by their place in its list `lines`; nothing where one was wrong or warned of.
  std::vector<std::optional<Line>> lines;
  bool used = false;  // in this load

 private:
  std::string text_;
  std::unique_ptr<const Document> document_;
  Problems problems_;
};

// All that a line's reading looks at beside its own entry, as it was the last time.
class LineContext {
 public:
  // Compares with what is loaded now, and is that from then on.
  void update(const Loading& loading);

  // Would this line of an unchanged file be read as it was? `router`: its place in settings.routers.
  bool same_for(std::size_t router) const { return same_ && same_routers_[router]; }

 private:
  struct Known {
    Router router;
    std::optional<Line> defaults;
  };
  bool same_ = false;
  std::vector<bool> same_routers_;  // by place in settings.routers
  std::unordered_map<std::string, Known> routers_;
  Line defaults_;
  std::vector<std::string> task_names_;
  std::vector<Task> tasks_;
  Layout layout_ = Layout::discovery;
};

struct Kept {
  std::filesystem::path main_file;
  bool lines = true;  // false: there is no second load
  Profiles profiles;
  std::unordered_map<std::string, KeptFile> files;  // by path
  LineContext context;
};

}  // namespace linewatch::config
