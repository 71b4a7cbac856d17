#pragma once
// What the lock-out guard remembers over a restart: rejected credentials, each as a digest under a key of
// this host's own, so that the file tells nobody a password. A credential that was changed has
// another digest and is free at once.

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "config/settings.hpp"
#include "connection/error.hpp"

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
  // Written to the disk before it returns. The error is for the log: what is in memory counts on.
  Result<void> remember(const std::string& identity, Rejections rejections);
  Result<void> forget(const std::string& identity);

 private:
  Result<void> load(const std::filesystem::path& file);
  Result<void> save() const;

  std::filesystem::path folder_;  // empty: nowhere
  std::string key_;
  std::map<std::string, Rejections> all_;
};

}  // namespace linewatch::connection
