#pragma once
// A temporary folder with configuration files in it, and the problems of loading one, as text with that
// folder cut off. For the tests of this folder.

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "config/loader.hpp"

namespace linewatch::tests {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "linewatch-config-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }

  void write(const std::string& name, std::string_view text, mode_t mode = 0600) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary)
        .write(text.data(), static_cast<std::streamsize>(text.size()));
    ::chmod((path_ / name).c_str(), mode);
  }

  config::Loaded load(const std::string& name = "linewatch.yml") const { return config::load(path_ / name); }

  // One problem a line.
  std::string problems(const config::Loaded& loaded) const {
    std::string out;
    for (const config::Problem& problem : loaded.problems) out += problem.format() + "\n";
    const std::string prefix = path_.string() + "/";
    for (std::size_t at; (at = out.find(prefix)) != std::string::npos;) out.erase(at, prefix.size());
    return out;
  }

  // Writes text as the main file and loads it.
  std::string problems_of(std::string_view text, mode_t mode = 0600) const {
    write("linewatch.yml", text, mode);
    return problems(load());
  }

 private:
  std::filesystem::path path_;
};

// What every small configuration needs; lines 1 to 4. Router r1 is a Cisco, h1 a Huawei.
inline constexpr std::string_view head =
    "zabbix: {servers: [10.0.0.5]}\n"
    "credentials: {c: {username: u, password: p}}\n"
    "routers: [{name: r1, address: 192.0.2.1, platform: cisco_iosxe, credentials: c},\n"
    "          {name: h1, address: 192.0.2.2, platform: huawei_vrp, credentials: c}]\n";

// The head with one line whose further keys are given, on line 5.
inline std::string with_line(std::string_view keys, std::string_view router = "r1",
                             std::string_view target = "198.51.100.2") {
  std::string out(head);
  out.append("lines: [{id: L1, router: ").append(router).append(", target: '").append(target).append("'");
  if (!keys.empty()) out.append(", ").append(keys);
  return out + "}]\n";
}

}  // namespace linewatch::tests
