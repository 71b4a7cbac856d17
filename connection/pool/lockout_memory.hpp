#pragma once
// What the lock-out guard remembers over a restart: rejected credentials, each as a digest under a key of
// this host's own, so that the file tells nobody a password. A credential that was changed has
// another digest and is free at once.

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "connection/error.hpp"
#include "connection/pool/lockout_file.hpp"

namespace linewatch::connection {

class LockoutMemory {
 public:
  struct Rejections {
    int count = 0;  // in a row
    std::chrono::system_clock::time_point rests_until{};
    std::string cause;  // of the last, as the operator read it; no secret
  };

  // Remembers nothing beyond its own life.
  LockoutMemory() = default;
  // `folder`/lockout.json and `folder`/lockout.key, made where missing. The error says what cannot be read or
  // written; a damaged file is an error, too, and `folder`/lockout.json is then to be removed by hand.
  static Result<LockoutMemory> open(const std::filesystem::path& folder);
  // What another process has there by now, for one that only looks; nothing where it cannot be read.
  static LockoutMemory look(const std::filesystem::path& folder);

  // Who is protected: the credential as it is now, on one router or everywhere, as its lockout.scope says.
  std::string identity(const config::Credential& credential, const std::string& router) const;

  const std::map<std::string, Rejections>& all() const { return all_; }
  // On the disk a moment later, at the latest when this object has gone. What cannot be written is logged;
  // what is in memory counts on.
  void remember(const std::string& identity, Rejections rejections);
  void forget(const std::string& identity);
  void log_to(std::shared_ptr<spdlog::logger> log) { log_ = std::move(log); }

 private:
  Result<void> load(const std::filesystem::path& file);
  void save() const;

  std::unique_ptr<LockoutFile> file_;  // null: nowhere
  std::shared_ptr<spdlog::logger> log_;
  std::string key_;
  std::map<std::string, Rejections> all_;
};

}  // namespace linewatch::connection
